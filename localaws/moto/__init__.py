"""moto, and the corrections that make it behave as AWS does."""
