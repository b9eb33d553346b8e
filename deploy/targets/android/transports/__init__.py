"""Three ways to a phone (a running adb server, TCP, USB) behind one interface, ``base.Link``."""
