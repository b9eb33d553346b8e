"""The window. Qt lives here, torch never does."""
