"""A new version for scheduled transforms: its comparison with the current one."""
