"""From an approval to a plan that AWS accepts."""
