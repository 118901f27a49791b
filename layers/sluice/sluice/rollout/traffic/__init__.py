"""Reconciles an endpoint with a rollout's plan, one step at a time, and scales it meanwhile."""
