"""Lambda, met with real clients. A package, so that its tests share a local AWS."""
