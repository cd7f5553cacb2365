"""Loading of the model in a thread, so that a slow disk or download cannot block the node."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from typing import Any

from instructsam_ros.errors import CancelledError, CheckpointError
from instructsam_ros.ros.errors import as_exception
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.segmenter import Segmenter, load

POLL_SECONDS = 0.1


class ModelLoader:
    """Loader of one model at a time: two at once may exceed the memory."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None

    def load(self, settings: NodeSettings, stop: threading.Event) -> Segmenter:
        """Load the segmenter. Raises what loading raises, CheckpointError after load_timeout and
        while a load that took longer goes on, CancelledError when ``stop`` is set."""
        if self._thread is not None and self._thread.is_alive():
            raise CheckpointError(
                "a model that took longer than load_timeout is still loading; "
                "configure again when it is done, or restart the node"
            )
        loaded: Future[Segmenter] = Future()

        def run() -> None:
            try:
                options: dict[str, Any] = settings.options()
                loaded.set_result(
                    load(settings.model, device=settings.device, backend=settings.backend, **options)
                )
            # Raised again in the thread that waits. A panic of a library in Rust is no Exception.
            except BaseException as error:
                loaded.set_exception(as_exception(error))

        self._thread = threading.Thread(target=run, name="load_model", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + settings.load_timeout
        while self._thread.is_alive():
            if stop.wait(POLL_SECONDS):
                raise CancelledError("stopped while the model was loading")
            if time.monotonic() > deadline:
                raise CheckpointError(
                    f"loading {settings.model!r} took longer than load_timeout {settings.load_timeout:g} s"
                )
        return loaded.result()
