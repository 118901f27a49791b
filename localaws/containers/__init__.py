"""Programs that play SageMaker's container images; run as processes by the images' own interpreter."""
