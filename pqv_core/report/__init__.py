"""What leaves a comparison: one HTML file, a table as CSV, everything as JSON, and operator times for Netron."""
