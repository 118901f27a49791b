"""AWS services as Sluice uses them: one module per service, and the one door to their clients."""
