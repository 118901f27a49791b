"""Endpoints: creation, updates, guarded deployments."""
