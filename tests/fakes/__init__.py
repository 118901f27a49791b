"""Stand-ins for the adapters: they hold state, raise what the real ones raise, and are asked about it by tests."""
