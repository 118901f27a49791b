"""Lambda as the application sees it: AWS's own runtime client in a process per execution environment."""
