"""Requests to asynchronous endpoints, their queue and notifications."""
