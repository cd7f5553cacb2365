"""Loading of the model in its thread, so that a slow disk or download cannot block the node."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

from instructsam_ros.errors import CancelledError, CheckpointError
from instructsam_ros.ros.model_thread import ModelThread
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.segmenter import Segmenter, load

POLL_SECONDS = 0.1


class ModelLoader:
    """Loader of one model at a time: two at once may exceed the memory."""

    def __init__(self, thread: ModelThread) -> None:
        self._thread = thread
        self._loading: Future[Segmenter] | None = None

    def load(self, settings: NodeSettings, stop: threading.Event) -> Segmenter:
        """Load the segmenter. Raises what loading raises, CheckpointError after load_timeout and
        while a load that took longer goes on, CancelledError when ``stop`` is set."""
        if self._loading is not None and not self._loading.done():
            raise CheckpointError(
                "a model that took longer than load_timeout is still loading; "
                "configure again when it is done, or restart the node"
            )
        loading = self._loading = self._thread.submit(
            lambda: load(
                settings.model, device=settings.device, backend=settings.backend, **settings.options()
            )
        )
        deadline = time.monotonic() + settings.load_timeout
        while not loading.done():
            if stop.wait(POLL_SECONDS):
                raise CancelledError("stopped while the model was loading")
            if time.monotonic() > deadline:
                raise CheckpointError(
                    f"loading {settings.model!r} took longer than load_timeout {settings.load_timeout:g} s"
                )
        self._loading = None  # it holds the model
        return loading.result()
