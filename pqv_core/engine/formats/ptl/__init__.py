"""PyTorch Lite files: how models are rewritten for them, written and loaded."""
