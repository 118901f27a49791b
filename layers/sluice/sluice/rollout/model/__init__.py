"""What is known of a rollout: its plan, its record, its history and where they are stored."""
