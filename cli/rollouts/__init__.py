"""`sluice approve`, `plan`, `status` and what steers a rollout."""
