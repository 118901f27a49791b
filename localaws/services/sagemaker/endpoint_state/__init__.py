"""What is known of an endpoint: variants, status and deployment plan."""
