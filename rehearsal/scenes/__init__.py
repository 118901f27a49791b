"""One scene for each strategy and way to serve, with a good and a bad ending."""
