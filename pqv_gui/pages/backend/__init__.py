"""The Backend page."""
