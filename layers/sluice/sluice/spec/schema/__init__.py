"""How sections are declared: one annotated field is parser, check, JSON Schema and documentation."""
