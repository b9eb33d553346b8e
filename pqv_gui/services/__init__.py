"""What the window stands on and does not show: settings, threads, files that are written, the log."""
