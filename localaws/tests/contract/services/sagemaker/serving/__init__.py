"""What SageMaker serves, by kind of endpoint. A package, so that its tests share what its conftest makes."""
