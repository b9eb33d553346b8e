"""Measuring files on phones."""
