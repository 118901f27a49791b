"""Records pipeline runs, and announces the versions that they registered and a person must approve."""
