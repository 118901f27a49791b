"""What plays are made of: datasets, flaws, expected outcomes."""
