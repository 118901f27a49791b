"""What users write about a model: the sections of models/<name>.yaml, and the rules between them."""
