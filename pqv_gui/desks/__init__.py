"""What goes on with the open project: a desk for each working page. They own threads, files and view models."""
