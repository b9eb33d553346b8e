"""All runs of a project side by side: rows, the Pareto front, and the charts that follow from them. Pure data."""

from pqv_core.comparison.rows import Row
from pqv_core.comparison.stored_runs import Comparison, StoredRun, compare, load

__all__ = ["Comparison", "Row", "StoredRun", "compare", "load"]
