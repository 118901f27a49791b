"""Fleets: instances that are provisioned, scaled and watched."""
