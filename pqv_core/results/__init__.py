"""What a run found, and which of it counts."""
