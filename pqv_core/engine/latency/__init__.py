"""Latency tables in the worker: files that hold one part of a model, and measuring them on this computer."""
