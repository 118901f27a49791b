"""Models and endpoint configs."""
