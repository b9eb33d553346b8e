"""Any device to measure on: found, asked for its facts, written to, and left as it was."""
