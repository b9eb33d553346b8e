"""Where torch lives. Only the worker process imports this package."""
