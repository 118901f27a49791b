"""Reconciles what no event reported."""
