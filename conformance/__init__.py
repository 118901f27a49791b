"""Checks, on a person's own AWS account, what Sluice takes to be true of AWS and no document settles."""
