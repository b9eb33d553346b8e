"""Runs a program that does not know of us, and ends it, with all that it started, when its owner is gone.

``python -m pqv_core.process.supervised WORD ...`` takes its owner's pipe as standard input and ends as the program
does; ``run`` is the owner's side.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence

from pqv_core.process import owner, process_group
from pqv_core.process.child import LONGEST_S, Child

_SAID_BYTES = 4 << 20
_GRACE_S = 3.0  # the leash asks the program to end, and ends it a second later


def run(
    words: Sequence[str], *, check: Callable[[], None] = lambda: None, within_s: float = LONGEST_S
) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; what it says on both streams is ``stdout``, of which the last 4 MB are kept.

    Args:
        check: Called ten times a second; raises where the person has asked for the end.
        within_s: How long it may take.

    Raises:
        OSError: Python itself cannot be started. A program that cannot is exit status 127 and a line.
        Overdue: It took longer, or said and computed nothing for too long; it was ended.
    """
    command = [sys.executable, "-P", "-m", "pqv_core.process.supervised", *words]
    environment, until = process_group.python_environment(), time.monotonic() + within_s
    said = bytearray()
    process = process_group.start(command, environment=environment, together=True)
    with Child(process, grace_s=_GRACE_S) as child:
        while (line := child.line(check=check, within_s=max(0.0, until - time.monotonic()))) is not None:
            said += line + b"\n"
            del said[:-_SAID_BYTES]
        status = child.status()
    return subprocess.CompletedProcess(list(words), status, bytes(said))


def main() -> int:
    """Run what the command line names."""
    requests = owner.Requests()
    try:
        process = process_group.start_beside(sys.argv[1:])
    except OSError as error:
        print(error)
        return 127
    ending = threading.Lock()

    def gone() -> None:
        with ending:
            process_group.end(process)
            owner.end()

    requests.listen(gone=gone)
    status = process.wait()
    with ending:  # it may have ended because it was asked to, and the others have not yet
        return status


if __name__ == "__main__":
    sys.exit(main())
