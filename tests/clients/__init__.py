"""Labs by the stock SageMaker SDKs. A package, so that its tests share a local AWS."""
