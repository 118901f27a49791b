"""Lambda: AWS's own runtime client in a process per execution environment."""
