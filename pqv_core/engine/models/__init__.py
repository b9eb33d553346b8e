"""Models: made by name, saved and read again."""
