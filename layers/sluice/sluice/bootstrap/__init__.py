"""From a function's environment to the ports it may use."""
