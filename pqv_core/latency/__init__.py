"""How long a structure takes on a device: tables measured there, prediction from them, and what to cut for a budget."""
