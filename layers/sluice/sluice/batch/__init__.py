"""Batch transforms by schedule or request: their start, their end and their rows."""
