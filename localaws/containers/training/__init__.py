"""What the XGBoost image does when told to train: run the user's script, or its own algorithm."""
