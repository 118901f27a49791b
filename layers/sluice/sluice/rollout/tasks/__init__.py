"""Bodies of the functions of a rollout: one module each, named like its function."""
