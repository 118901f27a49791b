"""How an approved version takes over, and how the last good one comes back."""
