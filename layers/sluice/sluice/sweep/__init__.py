"""Finds what no event reported."""
