"""The plan, record and history of a rollout, and the stores that hold them."""
