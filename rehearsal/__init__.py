"""The story and the scenes, played on the local AWS with the shipped template. Never deployed."""
