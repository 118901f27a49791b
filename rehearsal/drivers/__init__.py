"""What plays the users: uploads, approvals, traffic."""
