"""The HTTP front: who calls, what for, and whether the role may."""
