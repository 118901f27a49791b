"""What a person, a window or a gate function has to say before a rollout goes on."""
