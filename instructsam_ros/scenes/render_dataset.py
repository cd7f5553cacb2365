"""Rendering of datasets: shards, several processes, resumable."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import multiprocessing
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import ConfigError, InstructSamError
from instructsam_ros.scenes.assets.asset_catalogue import load_assets
from instructsam_ros.scenes.assets.catalogue import EXTRA_CATEGORIES
from instructsam_ros.scenes.dataset import load_view, save_view, view_paths
from instructsam_ros.scenes.sampling.backgrounds import find_backgrounds
from instructsam_ros.scenes.sampling.real_scene import sample_real_scene
from instructsam_ros.scenes.sampling.scene import Scene, sample_scene
from instructsam_ros.scenes.sampling.splits import NOVEL_SPLITS, manifest

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from instructsam_ros.scenes.rendering.render import ColorRenderer, RendererName, WorkingRenderer

SHARD_VIEWS = 200
JOB_FILE = "job.json"
LOCK_FILE = ".lock"
LARGEST = 8192  # pixels per side; below the limits of OpenGL drivers
PROGRESS_SECONDS = 0.5
NOT_RECORDED_BY_OLDER_VERSIONS: dict[str, Any] = {
    "extra": [], "assets": None, "backgrounds": None, "camera_noise": False,
}  # fmt: skip
_SPAWN = multiprocessing.get_context("spawn")  # GL and Vulkan contexts do not survive a fork


@dataclass(frozen=True)
class RenderJob:
    """A dataset to render. split: a key of the manifest's seeds. extra: see ``sample_scene``.

    assets, backgrounds: folders of meshes and pictures; with either, scenes are those of
    ``sample_real_scene``. camera_noise: whether colour images have the errors of a camera, by default with
    backgrounds.
    """

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
    extra: tuple[str, ...] = ()
    assets: Path | None = None
    backgrounds: Path | None = None
    camera_noise: bool | None = None

    def __post_init__(self) -> None:
        if self.views < 1 or not all(32 <= side <= LARGEST for side in (self.width, self.height)):
            raise ConfigError(
                f"cannot render {self.views} views of {self.width}x{self.height}; "
                f"at least 1 view of 32x32 pixels, at most {LARGEST}x{LARGEST}"
            )
        if self.views_per_scene < 1 or self.shard_views % self.views_per_scene:
            raise ConfigError(f"views per scene must divide {self.shard_views}, got {self.views_per_scene}")
        if unknown := set(self.extra) - EXTRA_CATEGORIES.keys():
            raise ConfigError(
                f"there is no extra category {min(unknown)!r}; known: {', '.join(EXTRA_CATEGORIES)}"
            )
        if self.extra and self.is_real:
            raise ConfigError("extra categories go without folders of assets or backgrounds; leave one out")
        if self.assets:
            load_assets(self.assets)
        if self.backgrounds:
            find_backgrounds(self.backgrounds)
        self.scene_seed(0)
        self.scene_seed(self.views - 1)

    @property
    def is_real(self) -> bool:
        """Return whether its scenes are those of ``sample_real_scene``."""
        return self.assets is not None or self.backgrounds is not None

    @property
    def has_camera_noise(self) -> bool:
        """Return whether its colour images have the errors of a camera."""
        return self.backgrounds is not None if self.camera_noise is None else self.camera_noise

    def scene(self, view: int) -> Scene:
        """Sample the scene that a view shows."""
        seed, held_out = self.scene_seed(view), self.split in NOVEL_SPLITS
        if self.is_real:
            return sample_real_scene(
                seed,
                self.views_per_scene,
                held_out=held_out,
                assets=self.assets,
                backgrounds=self.backgrounds,
            )
        return sample_scene(seed, self.views_per_scene, held_out=held_out, extra=self.extra)

    def scene_seed(self, view: int) -> int:
        """Return the seed of the scene that a view shows. Raises ConfigError outside of the split's range."""
        return manifest().scene_seed(self.split, self.seed + view // self.views_per_scene)

    @property
    def shards(self) -> int:
        """Return the number of shards."""
        return -(-self.views // self.shard_views)

    def views_of(self, shard: int) -> range:
        """Return the numbers of the views in a shard."""
        return range(shard * self.shard_views, min(self.views, (shard + 1) * self.shard_views))

    def folder(self, shard: int) -> Path:
        """Return the folder of a finished shard."""
        return self.out / f"shard-{shard:04d}"

    def partial(self, shard: int) -> Path:
        """Return the folder of an unfinished shard."""
        return self.out / f".shard-{shard:04d}.partial"

    def recipe(self) -> dict[str, object]:
        """Return the settings that a resumed run must share; only the number of views may change."""
        settings = dataclasses.asdict(self) | {
            "extra": list(self.extra),
            "assets": str(self.assets) if self.assets else None,
            "backgrounds": str(self.backgrounds) if self.backgrounds else None,
            "camera_noise": self.has_camera_noise,
        }
        return {k: v for k, v in settings.items() if k not in ("views", "out")}


def render_dataset(job: RenderJob, processes: int = 1) -> int:
    """Render the missing views, with a progress bar; return the number of views rendered now.

    A shard appears under its name only when it is complete, so a killed run continues at the last
    complete shard. A view's content depends on the job and its own number alone. Raises ConfigError for a
    folder that holds the views of another job, or to which another run is writing.
    """
    if processes < 1:
        raise ConfigError(f"cannot render in {processes} processes; at least 1")
    if job.out.exists() and not job.out.is_dir():
        raise ConfigError(f"{job.out} is not a folder; name one that is new or holds this job's views")
    job = dataclasses.replace(job, renderer=_working_renderer(job.renderer))
    job.out.mkdir(parents=True, exist_ok=True)
    with _locked(job.out):
        _claim_folder(job)
        return _render_missing(job, processes)


def _working_renderer(name: RendererName) -> WorkingRenderer:
    """Choose the renderer of the whole job and report it once."""
    from instructsam_ros.scenes.rendering.render import working_renderer

    working = working_renderer(name)
    tqdm.write(f"renderer: {working}")
    return working


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the folder until the process ends: two runs would delete each other's unfinished shards."""
    with (folder / LOCK_FILE).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f"another render is writing to {folder}; wait until it ends, or render into another folder"
            ) from None
        yield


def _render_missing(job: RenderJob, processes: int) -> int:
    missing = [shard for shard in range(job.shards) if not _complete(job, shard)]
    todo = sum(len(job.views_of(shard)) for shard in missing)
    with tqdm(total=job.views, initial=job.views - todo, unit="view") as bar:
        alone = len(missing) == 1
        for views in _render_shard(job, missing[0]) if alone else _in_processes(job, missing, processes):
            bar.update(views)
    return todo


def _claim_folder(job: RenderJob) -> None:
    """Write the job's recipe into its folder, or compare it with the recorded one."""
    path = job.out / JOB_FILE
    has_views = any(job.out.glob("shard-*"))
    known = _known_recipe(job) if has_views or path.exists() else {}
    if not has_views:
        write_atomic(path, (json.dumps(job.recipe(), indent=2) + "\n").encode())
        return
    if known["renderer"] == "auto":  # recorded by older versions
        known["renderer"] = load_view(view_paths(job.out)[0], depth=False).meta["renderer"]
    differing = sorted(k for k, v in job.recipe().items() if known[k] != v)
    if differing:
        changes = ", ".join(f"{name} {known[name]!r}, not {job.recipe()[name]!r}" for name in differing)
        raise ConfigError(f"{job.out} holds views of another job ({changes}); render into another folder")


def _known_recipe(job: RenderJob) -> dict[str, Any]:
    """Read the recipe in the job's folder. Raises ConfigError for a file that is not a recipe."""
    try:
        known: dict[str, Any] = json.loads((job.out / JOB_FILE).read_text())
    except (FileNotFoundError, ValueError):
        known = {}
    if isinstance(known, dict):
        for name, value in NOT_RECORDED_BY_OLDER_VERSIONS.items():
            known.setdefault(name, value)
    if not isinstance(known, dict) or not job.recipe().keys() <= known.keys():
        raise ConfigError(
            f"{job.out} is in use but has no readable {JOB_FILE} that records how its views were rendered; "
            "render into another folder"
        )
    return known


def _complete(job: RenderJob, shard: int) -> bool:
    """Return whether a shard has all its views; one of a shorter earlier run may have too few."""
    return _written(job.folder(shard)) >= len(job.views_of(shard))


def _written(shard: Path) -> int:
    """Count the views in a folder; the JSON is the last file of each."""
    return len(list(shard.glob("*.json")))


def _in_processes(job: RenderJob, shards: list[int], processes: int) -> Iterator[int]:
    """Render shards in parallel; yield the number of new views at intervals."""
    for shard in shards:
        shutil.rmtree(job.partial(shard), ignore_errors=True)  # unfinished views of a killed run
    threads = ThreadPoolExecutor(max(1, min(processes, len(shards))))
    far_end, near_end = _SPAWN.Pipe(duplex=False)
    try:
        waiting = {threads.submit(_in_own_process, job, shard, far_end) for shard in shards}
        before = 0
        while waiting:
            done, waiting = wait(waiting, PROGRESS_SECONDS, FIRST_COMPLETED)
            for future in done:
                future.result()
            now = sum(_rendered(job, shard) for shard in shards)
            yield now - before
            before = now
    finally:
        near_end.close()
        threads.shutdown(cancel_futures=True)
        far_end.close()


def _rendered(job: RenderJob, shard: int) -> int:
    """Count the views that a shard has so far."""
    views = len(job.views_of(shard))
    return views if _complete(job, shard) else _written(job.partial(shard))


def _in_own_process(job: RenderJob, shard: int, lifeline: Connection) -> None:
    """Render a shard in a process of its own: Filament leaks about 2 MB per scene."""
    with ProcessPoolExecutor(1, _SPAWN, _prepare_worker, (lifeline,)) as pool:
        try:
            pool.submit(_render_whole_shard, job, shard).result()
        except BrokenProcessPool:
            raise InstructSamError(
                "a renderer was killed, perhaps out of memory; run again with fewer --processes"
            ) from None


def _prepare_worker(lifeline: Connection) -> None:
    """Make the worker end when the other end of ``lifeline`` closes, at the latest with the parent."""
    os.environ.setdefault("LP_NUM_THREADS", "1")  # Mesa would start a thread per core in every process
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles it
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()


def _end_with(lifeline: Connection) -> None:
    lifeline.poll(None)
    os._exit(1)


def _render_whole_shard(job: RenderJob, shard: int) -> None:
    for _ in _render_shard(job, shard):
        pass


def _render_shard(job: RenderJob, shard: int) -> Iterator[int]:
    """Render one shard, yielding the number of views after each scene."""
    from instructsam_ros.scenes.rendering.render import render_scene

    renderer = _renderer(job.renderer)
    partial = job.partial(shard)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    numbers = job.views_of(shard)
    for first in range(numbers.start, numbers.stop, job.views_per_scene):
        views = render_scene(
            job.scene(first),
            job.width,
            job.height,
            renderer,
            sensor_noise=job.sensor_noise,
            camera_noise=job.has_camera_noise,
        )
        kept = views[: numbers.stop - first]
        for offset, view in enumerate(kept):
            save_view(view, partial / f"{first + offset:06d}")
        yield len(kept)
    if _written(partial) != len(numbers):
        raise InstructSamError(f"views are missing from {partial}; run again")
    shutil.rmtree(job.folder(shard), ignore_errors=True)
    partial.rename(job.folder(shard))


@cache
def _renderer(name: WorkingRenderer) -> ColorRenderer:
    """Return the renderer of this process."""
    from instructsam_ros.scenes.rendering.render import RENDERERS

    return RENDERERS[name]()
