"""Which permissions a call needs, as pure functions of the call; one module per family of services."""
