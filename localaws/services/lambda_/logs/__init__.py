"""What functions print: CloudWatch Logs and embedded metrics."""
