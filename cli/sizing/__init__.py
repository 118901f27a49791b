"""`sluice advise`, `simulate`: which way to serve, at what cost, with how many instances."""
