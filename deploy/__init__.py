"""Phones: from an export to figures measured on a device. Neither torch nor Qt."""
