"""Outcomes that users report for the variants of an A/B test."""
