"""What Sluice says of its own work: one structured line per task, and a few metrics of high value."""
