"""The state of an endpoint: variants, status and deployment plan."""
