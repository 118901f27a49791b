"""Invocations: synchronous, asynchronous, with retries and destinations."""
