"""What LiteRT's converter makes of a model, in an environment of its own (``requirements.lock``)."""
