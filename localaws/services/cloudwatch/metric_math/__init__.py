"""Metric math expressions: syntax and functions."""
