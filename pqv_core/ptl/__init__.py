"""PyTorch Lite files, without torch."""
