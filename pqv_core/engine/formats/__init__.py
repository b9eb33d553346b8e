"""Formats at work: the rooms that write files and run them, one folder each."""
