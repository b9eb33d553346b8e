"""What a file is, by its content, and how files are read and written."""
