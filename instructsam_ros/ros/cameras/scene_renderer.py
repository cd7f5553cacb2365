"""Clips of seeded scenes (scenes.rendering.video), each rendered in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

import numpy as np

from instructsam_ros.errors import ConfigError, InstructSamError
from instructsam_ros.ros.cameras.frames import CameraFrame
from instructsam_ros.scenes.sampling.scene import VIEWS, sample_scene
from instructsam_ros.scenes.sampling.splits import manifest
from instructsam_ros.types import CameraModel

if TYPE_CHECKING:
    from instructsam_ros.scenes.rendering.render import RendererName

SPLIT = "samples"  # scenes that are not used in training
RENDERERS = ("auto", "filament", "classic")
SMALLEST = 32  # pixels
POLL_SECONDS = 0.1
NICENESS = 10  # from the second frame on, so that the model has priority


@dataclass(frozen=True)
class ClipRequest:
    """A clip to render. Raises ConfigError for what cannot be rendered.

    seed: number of the first scene. frames: of one clip. width, height: pixels. view: only scenes
    seen as "table", "top" or "ego"; "" for any. renderer: "auto", "filament" or "classic".
    """

    seed: int = 0
    frames: int = 40
    width: int = 640
    height: int = 480
    view: str = ""
    renderer: RendererName = "auto"

    def __post_init__(self) -> None:
        manifest().scene_seed(SPLIT, self.seed)
        for name, least in {"frames": 1, "width": SMALLEST, "height": SMALLEST}.items():
            if getattr(self, name) < least:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for name, known in {"view": ("", *sorted(set(VIEWS))), "renderer": RENDERERS}.items():
            if getattr(self, name) not in known:
                choices = ", ".join(repr(choice) for choice in known)
                raise ConfigError(f"{name} is {getattr(self, name)!r}; it must be one of {choices}")

    def scenes(self) -> Iterator[int]:
        """Yield numbers of scenes with the requested view, from ``seed`` on; ConfigError after the last."""
        number = self.seed
        while True:
            seed = manifest().scene_seed(SPLIT, number)
            if not self.view or sample_scene(seed).view == self.view:
                yield number
            number += 1


def render_clip(request: ClipRequest, scene: int, stop: threading.Event) -> Iterator[CameraFrame]:
    """Yield the frames of a scene as they are rendered, up to ``stop``. Raises InstructSamError.

    In a process of its own: rendering would hold up the publishing, and Filament keeps about 2 MB
    of every scene.
    """
    context = multiprocessing.get_context("spawn")  # GL and Vulkan contexts do not survive a fork
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_render, args=(request, scene, sender), daemon=True)
    # Ctrl-C goes to the whole process group. Who started the renderer ends it; it inherits the mask,
    # unless a tracker is started first, which would undo it.
    resource_tracker.ensure_running()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    process.start()
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    sender.close()
    try:
        for _ in range(request.frames):
            while not receiver.poll(POLL_SECONDS):
                if stop.is_set():
                    return
            received = receiver.recv()
            if isinstance(received, InstructSamError):
                raise received
            yield received
    except EOFError:
        process.join()
        if stop.wait(POLL_SECONDS):
            return  # a signal to all processes of the node
        raise InstructSamError(
            f"the renderer ended with status {process.exitcode} in scene {scene}; see its output"
        ) from None
    finally:
        process.terminate()
        process.join()
        receiver.close()


def _render(request: ClipRequest, scene: int, out: Connection) -> None:
    """Send every frame, or the error; runs in the rendering process."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # else Mesa starts a thread per core
    with suppress(BrokenPipeError):  # the node is gone
        try:
            from instructsam_ros.scenes.rendering.video import render_sequence

            clip = render_sequence(
                SPLIT,
                scene,
                request.frames,
                width=request.width,
                height=request.height,
                renderer=request.renderer,
            )
            for number, view in enumerate(clip):
                millimetres = np.round(view.depth * 1000).astype(np.uint16)
                out.send(CameraFrame(view.rgb, millimetres, CameraModel(**view.meta["K"])))
                if number == 0:
                    os.nice(NICENESS)
        except InstructSamError as error:
            out.send(error)
