"""Execution environments: processes that run a function's code with AWS's runtime client."""
