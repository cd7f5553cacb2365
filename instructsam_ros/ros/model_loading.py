"""Loads the model in a thread of its own, so that a slow disk or download cannot hang the node."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

from instructsam_ros.errors import CancelledError, CheckpointError
from instructsam_ros.ros.params import NodeSettings
from instructsam_ros.segmenter import Segmenter, load

POLL_SECONDS = 0.1


def load_model(settings: NodeSettings, stop: threading.Event) -> Segmenter:
    """The segmenter of the settings. Raises what loading raises, CheckpointError after load_timeout,
    CancelledError when ``stop`` is set."""
    loaded: Future[Segmenter] = Future()

    def run() -> None:
        try:
            options: dict[str, Any] = settings.options()
            loaded.set_result(
                load(settings.model, device=settings.device, backend=settings.backend, **options)
            )
        except Exception as error:  # raised again in the thread that waits
            loaded.set_exception(error)

    threading.Thread(target=run, name="load_model", daemon=True).start()
    deadline = time.monotonic() + settings.load_timeout
    while not loaded.done():
        if stop.wait(POLL_SECONDS):
            raise CancelledError("stopped while the model was loading")
        if time.monotonic() > deadline:
            raise CheckpointError(
                f"loading {settings.model!r} took longer than load_timeout {settings.load_timeout:g} s"
            )
    return loaded.result()
