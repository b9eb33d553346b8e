"""Devices to measure on: found, described, pushed to, measured. Knows nothing of the window and nothing of torch."""

APP = "pqv-mobile"
"""Under which files of this program lie in the folders of a user."""
