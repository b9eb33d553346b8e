"""Colours of charts: told apart with any form of colour blindness (Okabe and Ito, 2008), on white and on dark."""

LIGHT = ("#0072b2", "#d55e00", "#009e73", "#b0609a", "#a07800", "#3f97c9", "#727b88", "#5e7d2a")
DARK = ("#56b4e9", "#f08a3c", "#2fc595", "#dc9bc8", "#e6c34a", "#9bb8ff", "#8b93a1", "#b7d56a")
