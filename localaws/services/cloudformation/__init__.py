"""CloudFormation: makes, changes and deletes stacks by real AWS calls; templates come with the request or from S3.

Nothing is dropped silently: a resource type, property or template feature it lacks is an error by name.
"""
