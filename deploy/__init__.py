"""The phone: found, described, pushed to, measured. Knows nothing of the window and nothing of torch."""
