"""The output of functions: CloudWatch Logs and embedded metrics."""
