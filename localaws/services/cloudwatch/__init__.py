"""CloudWatch of the local AWS."""
