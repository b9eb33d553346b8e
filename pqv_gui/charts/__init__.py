"""Charts. pyqtgraph is imported here only, and only once a page with a chart is shown."""
