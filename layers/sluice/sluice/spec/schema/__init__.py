"""The declaration of sections: one annotated field is parser, validation, JSON Schema and documentation."""
