"""Environment of our own processes, set before numpy and torch load, which read it once."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

FREE_THREADS = "INSTRUCTSAM_THREADS"
"""Variable that is ``free`` where torch is to have as many threads as other processes leave cores free."""
LEAN_IMPORTS = "INSTRUCTSAM_IMPORTS"
"""Variable that is ``lean`` where transformers is to be imported without compiler and sharding."""
DEFAULTS = {
    # After numpy's small products on points OpenBLAS threads spin, which costs the model a core.
    "OPENBLAS_NUM_THREADS": "1",
    # By default OpenMP threads wait for each other spinning, up to milliseconds where another process has
    # taken the core of one. This many turns are tens of microseconds, the length of most waits.
    "GOMP_SPINCOUNT": "20000",
    # The same for those of OpenCV.
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN": "100",
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER": "100",
    FREE_THREADS: "free",
    LEAN_IMPORTS: "lean",
}


def set_process_defaults(environment: MutableMapping[str, str] = os.environ) -> None:
    """Set what the user has not set. For programs of ours alone: a library that is imported sets nothing."""
    for name, value in DEFAULTS.items():
        environment.setdefault(name, value)
