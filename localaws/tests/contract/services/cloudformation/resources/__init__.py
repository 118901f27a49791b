"""The handlers of resources. A package, so that its tests share a local AWS."""
