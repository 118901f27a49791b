"""`sluice apply`, `schema`: a model file becomes a spec, a package group and a pipeline."""
