"""Containers as processes: their artifacts, storage and logs."""
