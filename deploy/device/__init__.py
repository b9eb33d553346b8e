"""One phone: found, asked, written to and left as it was."""
