"""What the window shows and what its controls do, in plain Python: nothing here imports Qt."""
