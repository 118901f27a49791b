"""Sluice: release automation for SageMaker models. Importing this package does nothing."""
