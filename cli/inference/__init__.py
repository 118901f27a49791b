"""`sluice invoke-async`, `results`, `batch`: requests that are answered later."""
