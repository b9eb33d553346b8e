"""The commands of ``pqv`` that need neither a phone nor a window."""
