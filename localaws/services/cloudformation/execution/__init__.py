"""Carries out what is asked of a stack: create, update, roll back and delete its resources."""
