"""The holds of a rollout that has proof: freeze windows, gates that a function or a person decides on, a pause."""
