"""Event source mappings: pollers of queues."""
