"""Latency, memory, operators, accuracy and agreement of files on this computer."""
