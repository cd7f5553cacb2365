"""Many scenes to disk: shards, several processes, resumable."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from instructsam_ros.errors import ConfigError
from instructsam_ros.export import write_atomic
from instructsam_ros.scenes.dataset import save_view
from instructsam_ros.scenes.heldout import NOVEL_WORLDS, manifest
from instructsam_ros.scenes.scene import sample_scene

if TYPE_CHECKING:
    from instructsam_ros.scenes.rendering.render import ColorRenderer, RendererName

SHARD_VIEWS = 200
JOB_FILE = "job.json"
PROGRESS_SECONDS = 0.5


@dataclass(frozen=True)
class Production:
    """What to render. split: a key of the manifest's seeds."""

    views: int
    out: Path
    split: str = "train"
    seed: int = 0
    views_per_scene: int = 2
    width: int = 384
    height: int = 288
    renderer: RendererName = "auto"
    sensor_noise: bool = True
    shard_views: int = SHARD_VIEWS

    def __post_init__(self) -> None:
        if self.views < 1 or self.width < 32 or self.height < 32:
            raise ConfigError(
                f"cannot render {self.views} views of {self.width}x{self.height}; "
                "at least 1 view of 32x32 pixels"
            )
        if self.views_per_scene < 1 or self.shard_views % self.views_per_scene:
            raise ConfigError(f"views per scene must divide {self.shard_views}, got {self.views_per_scene}")

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.views // self.shard_views)

    def views_of(self, shard: int) -> range:
        """Numbers of the views in a shard."""
        return range(shard * self.shard_views, min(self.views, (shard + 1) * self.shard_views))

    def folder(self, shard: int) -> Path:
        """Where a finished shard lies."""
        return self.out / f"shard-{shard:04d}"

    def partial(self, shard: int) -> Path:
        """Where an unfinished shard grows."""
        return self.out / f".shard-{shard:04d}.partial"

    def recipe(self) -> dict[str, object]:
        """What every continuation of this job must share; only the number of views may change."""
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in ("views", "out")}


def produce(job: Production, processes: int = 1) -> int:
    """Render what is not there yet, with a progress bar; return the number of views rendered now.

    A shard appears under its name only when it is complete, so a killed run continues at the last
    complete shard. A view's content depends on the job and its own number alone. Raises ConfigError for a
    folder that holds the views of another job.
    """
    job.out.mkdir(parents=True, exist_ok=True)
    _claim_folder(job)
    missing = [shard for shard in range(job.shards) if not _complete(job, shard)]
    todo = sum(len(job.views_of(shard)) for shard in missing)
    with tqdm(total=job.views, initial=job.views - todo, unit="view") as bar:
        alone = len(missing) == 1
        for views in _render_shard(job, missing[0]) if alone else _in_processes(job, missing, processes):
            bar.update(views)
    return todo


def _claim_folder(job: Production) -> None:
    """Write the job's recipe into its folder, or compare it with what is there."""
    path = job.out / JOB_FILE
    if not any(job.out.glob("shard-*")):
        write_atomic(path, (json.dumps(job.recipe(), indent=2) + "\n").encode())
        return
    try:
        known = json.loads(path.read_text())
        differing = sorted(k for k, v in job.recipe().items() if known.get(k) != v)
    except (OSError, ValueError, AttributeError):
        raise ConfigError(
            f"{job.out} holds views but no readable {JOB_FILE} that says how they came about; "
            "render into another folder"
        ) from None
    if differing:
        said = ", ".join(f"{name} {known.get(name)!r}, not {job.recipe()[name]!r}" for name in differing)
        raise ConfigError(f"{job.out} holds views of another job ({said}); render into another folder")


def _complete(job: Production, shard: int) -> bool:
    """A shard of a shorter earlier run counts as missing when more views belong to it now."""
    return len(list(job.folder(shard).glob("*.json"))) >= len(job.views_of(shard))


def _in_processes(job: Production, shards: list[int], processes: int) -> Iterator[int]:
    """Yields now and then how many views more there are."""
    for shard in shards:
        shutil.rmtree(job.partial(shard), ignore_errors=True)  # of a killed run; they would count
    threads = ThreadPoolExecutor(max(1, min(processes, len(shards))))
    try:
        waiting = {threads.submit(_in_own_process, job, shard) for shard in shards}
        before = 0
        while waiting:
            done, waiting = wait(waiting, PROGRESS_SECONDS, FIRST_COMPLETED)
            for future in done:
                future.result()
            now = sum(_rendered(job, shard) for shard in shards)
            yield now - before
            before = now
    finally:
        threads.shutdown(cancel_futures=True)


def _rendered(job: Production, shard: int) -> int:
    """Views that a shard has by now."""
    views = len(job.views_of(shard))
    return views if _complete(job, shard) else len(list(job.partial(shard).glob("*.json")))


def _in_own_process(job: Production, shard: int) -> None:
    """A process per shard: Filament keeps about 2 MB of every scene it has rendered."""
    context = multiprocessing.get_context("spawn")  # GL and Vulkan contexts do not survive a fork
    with ProcessPoolExecutor(1, context, _one_thread_each) as pool:
        pool.submit(_render_whole_shard, job, shard).result()


def _one_thread_each() -> None:
    """Mesa's software renderers otherwise start a thread per core in every process."""
    os.environ.setdefault("LP_NUM_THREADS", "1")


def _render_whole_shard(job: Production, shard: int) -> None:
    for _ in _render_shard(job, shard):
        pass


def _render_shard(job: Production, shard: int) -> Iterator[int]:
    """Render one shard, yielding the number of views after each scene."""
    from instructsam_ros.scenes.rendering.render import render_scene

    renderer = _renderer(job.renderer)
    partial = job.partial(shard)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    numbers = job.views_of(shard)
    for first in range(numbers.start, numbers.stop, job.views_per_scene):
        seed = manifest().scene_seed(job.split, job.seed + first // job.views_per_scene)
        scene = sample_scene(seed, job.views_per_scene, held_out=job.split in NOVEL_WORLDS)
        views = render_scene(scene, job.width, job.height, renderer, sensor_noise=job.sensor_noise)
        kept = views[: numbers.stop - first]
        for offset, view in enumerate(kept):
            save_view(view, partial / f"{first + offset:06d}")
        yield len(kept)
    shutil.rmtree(job.folder(shard), ignore_errors=True)
    partial.rename(job.folder(shard))


@cache
def _renderer(name: RendererName) -> ColorRenderer:
    """One renderer a process; reported once."""
    from instructsam_ros.scenes.rendering.render import choose_renderer

    renderer = choose_renderer(name)
    tqdm.write(f"renderer: {renderer.name}")
    return renderer
