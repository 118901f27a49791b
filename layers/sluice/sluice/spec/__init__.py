"""The spec of a model: the sections of models/<name>.yaml, and the rules between their fields."""
