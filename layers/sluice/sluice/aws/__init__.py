"""AWS services as Sluice uses them: one module per service, and one that makes all clients."""
