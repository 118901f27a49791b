"""The Model Registry."""
