"""Projects and their runs on the disk."""
