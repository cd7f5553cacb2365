"""Processes that start as a copy of this one, so that they need not import the libraries again (5 to 10 s).

Tests of commands start a new interpreter; those of what happens between processes or after a kill need none.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

from instructsam_ros.training import checkpoint

WAIT = 600.0
"""Seconds for processes that end by themselves."""


def fork(
    function: Callable[..., Any],
    *arguments: Any,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> ForkProcess:
    """Start a process that calls ``function``; its exit status is what an int result says, or 0.

    log: takes its output.
    """
    process = multiprocessing.get_context("fork").Process(
        target=_call, args=(function, arguments, log, dict(environment or {}))
    )
    process.start()
    return process


def fork_ranks(
    count: int,
    function: Callable[..., Any],
    *arguments: Any,
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Call ``function`` in ``count`` processes of one group, as ``torchrun --nproc-per-node`` does; all must
    end well.

    folder: takes their output, ``rank0.log`` and so on.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(count):
        group = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
        values = {**group, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        variables = {**(environment or {}), **{name: str(value) for name, value in values.items()}}
        log = folder / f"rank{rank}.log"
        processes.append(fork(function, *arguments, log=log, environment=variables))
    try:
        for rank, process in enumerate(processes):
            process.join(WAIT)
            assert process.exitcode == 0, (folder / f"rank{rank}.log").read_text()[-3000:]
    finally:
        for process in processes:
            process.kill()


def wait_for_step(folder: Path, step: int, process: ForkProcess) -> None:
    """Wait until the run of ``process`` in ``folder`` has a checkpoint of ``step`` or later."""
    path, seen, reached = folder / checkpoint.NAME, 0, 0
    while reached < step:
        assert process.is_alive(), "it ended by itself"
        time.sleep(0.05)
        if path.exists() and path.stat().st_mtime_ns != seen:  # reading takes time from the run
            seen, reached = path.stat().st_mtime_ns, checkpoint.load(folder)["step"]


def _call(
    function: Callable[..., Any], arguments: tuple[Any, ...], log: Path | None, environment: dict[str, str]
) -> None:
    from accelerate.state import AcceleratorState, GradientState

    os.environ.update(environment)
    if log is not None:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.stdout = sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115 - as long as the process lives
    AcceleratorState._reset_state(reset_partial_state=True)  # of trainers in the parent
    GradientState._reset_state()
    result = function(*arguments)
    sys.exit(result if isinstance(result, int) else 0)
