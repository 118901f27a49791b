"""Functions: code, settings and policies."""
