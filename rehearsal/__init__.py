"""A local AWS good enough to run the shipped application on, and the stories played on it. Never deployed."""
