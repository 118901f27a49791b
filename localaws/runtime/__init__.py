"""Processes, HTTP servers and timers that services run on."""
