"""Asynchronous inference: each request's result or failure, tried again or parked."""
