"""Runs a program that does not know of us, and ends it, with all that it started, when its owner is gone.

``python -m pqv_core.leash WORD ...`` takes its owner's pipe as standard input and ends as the program does;
``run`` is the owner's side.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence

from pqv_core import owner, process_group


def run(words: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
    """Run a program to its end; what it says on both streams is ``stdout``.

    Raises:
        OSError: Python itself cannot be started. A program that cannot is exit status 127 and a line.
    """
    command = [sys.executable, "-P", "-m", "pqv_core.leash", *words]
    process = process_group.start(command, environment=process_group.python_environment(), together=True)
    with process:
        assert process.stdout is not None
        said = process.stdout.read()
    return subprocess.CompletedProcess(list(words), process.returncode, said)


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
