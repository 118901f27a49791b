"""Scheduled batch transforms: their start, their end and their rows."""
