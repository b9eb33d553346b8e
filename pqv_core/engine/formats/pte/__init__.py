"""ExecuTorch (``.pte``) in the worker: writing files, loading and running them, and timing their operators."""
