"""What users do: uploads, approvals, traffic; and what they can observe."""
