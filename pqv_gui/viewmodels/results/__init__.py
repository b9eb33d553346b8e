"""Results as they are shown: curves, rows of tables, bars, cards."""
