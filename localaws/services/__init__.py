"""One package for each AWS service that is more than moto's."""
