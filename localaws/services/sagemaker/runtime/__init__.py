"""InvokeEndpoint and InvokeEndpointAsync."""
