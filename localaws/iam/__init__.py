"""Identities, policies and their conditions, as AWS evaluates them."""
