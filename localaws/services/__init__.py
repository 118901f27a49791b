"""One package or module for each AWS service that moto does not provide as needed."""
