"""Deploys what ``sam build`` leaves onto the local AWS: packages, translates, creates by real AWS calls.

Nothing is dropped silently: a resource type, property or template feature it lacks is an error by name.
"""
