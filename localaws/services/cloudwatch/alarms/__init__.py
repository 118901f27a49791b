"""Alarms: settings, evaluation, and who is told."""
