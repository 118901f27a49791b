"""Starts pipeline runs from uploads and requests, one at a time for each model."""
