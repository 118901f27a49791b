"""CloudWatch Logs: searches over the stored events, by filter pattern and by query."""
