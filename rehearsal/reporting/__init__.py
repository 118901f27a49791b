"""What a play shows: its screen, its timeline, its report."""
