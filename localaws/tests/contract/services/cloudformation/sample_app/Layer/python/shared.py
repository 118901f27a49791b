"""What the sample application shares."""
