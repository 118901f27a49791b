"""A local AWS: moto's state and wire protocols, with engines of its own for what has to really run."""
