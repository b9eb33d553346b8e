"""What other tools make of the same model, in an environment of their own (``requirements.lock``)."""
