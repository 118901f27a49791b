"""The training half of the XGBoost image: runs the user's script, or its own algorithm."""
