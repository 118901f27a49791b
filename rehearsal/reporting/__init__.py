"""Shows a play: the screen and the report."""
