"""Images as models take them, and the classes that outputs stand for."""
