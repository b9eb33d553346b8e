"""The commands of ``pqv`` that need a phone."""
