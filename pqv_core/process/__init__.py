"""Processes: what they are asked, and how they are started, watched and ended."""
