"""Contracts of adapters and of the shipped stack. A package, so that its tests share what its conftest makes."""
