"""This computer. Its worker measures it, without a connection and without pushing anything."""

from deploy.targets import TargetKind
from pqv_core.results.record import LOCAL

INFO = TargetKind(key=LOCAL, label="This computer", sentence="Measured by the worker process.", order=0)
