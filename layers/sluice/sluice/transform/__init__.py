"""The mechanics of a batch transform: its input, its request, its job and the check of its rows."""
