"""From uploads and requests to one pipeline run at a time for each model."""
