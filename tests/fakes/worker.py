"""Small programs that stand in for the worker process, at the lowest seam: a command with three pipes."""

from __future__ import annotations

import sys

RUN = "run-1"

_PRELUDE = f"""
import json, os, signal, subprocess, sys, threading, time
RUN = {RUN!r}
def say(type, run=RUN, **values):
    print(json.dumps(dict(values, type=type, run=run)), flush=True)
def finish(outcome="succeeded", **values):
    say("finished", outcome=outcome, **values)
def take_job():
    return json.loads(sys.stdin.readline())
def wait_for_end():
    sys.stdin.read()
"""


def fake_worker(body: str) -> tuple[str, ...]:
    """A command that runs ``body`` with the helpers ``say``, ``finish``, ``take_job`` and ``wait_for_end``."""
    return (sys.executable, "-I", "-S", "-c", _PRELUDE + body)
