"""Alarms: settings, evaluation and notification."""
