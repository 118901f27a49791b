"""Templates: reading, translating and resolving them."""
