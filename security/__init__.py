"""What the stack may do, read from what is deployed, and the scanners that look at the sources. Never deployed."""
