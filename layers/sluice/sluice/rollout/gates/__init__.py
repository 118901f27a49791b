"""What can hold a rollout that has proof: freeze windows, gates that a function or a person keeps, a pause."""
