"""What became of pipeline runs, and who is asked to approve what they registered."""
