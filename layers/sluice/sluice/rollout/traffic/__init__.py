"""One step at a time from what an endpoint does to what a rollout wants of it."""
