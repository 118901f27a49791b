"""The serving half of the SageMaker XGBoost image: the same HTTP contract, without its web server stack."""
