"""Frames worth annotating: sharp ones of videos or of a folder of pictures, none like the one before it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.pictures import read_picture
from instructsam_ros.yaml_config import check_range

VIDEOS = frozenset((".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v"))
PICTURES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".bmp"))
MEASURED_SIDE = 480
"""Pixels of the longer side at which frames are compared, so that thresholds hold for any resolution."""
BLUR_KERNEL = 9
THUMBNAIL = (32, 24)

Image = NDArray[np.uint8]


@dataclass(frozen=True)
class FrameSettings:
    """folder: of videos or of pictures, searched in depth; the pictures of one folder count as a sequence.

    every: seconds between the frames that are taken from a clip. candidates: frames a second that are looked
    at, of which the sharpest is taken. blur: 0 (sharp) to 1, frames above are dropped. cut: correlation of
    colour histograms below which a new clip begins. same: mean difference of thumbnails, 0 to 255, below
    which a frame is like the last one that was taken. most: of all frames, 0 for all.
    """

    folder: Path
    every: float = 2.0
    candidates: float = 5.0
    blur: float = 0.5
    cut: float = 0.5
    same: float = 4.0
    most: int = 0

    def __post_init__(self) -> None:
        check_range(self, 0, math.inf, "every", "same", "most")
        check_range(self, 0, 1, "blur", "cut")
        if not 0 < self.candidates < math.inf:
            raise ValueError(f"candidates must be above 0, got {self.candidates}")


@dataclass(frozen=True, eq=False)
class Frame:
    """rgb: uint8 [H, W, 3]. source: the file, relative to the folder. seconds: since its beginning, or the
    number of a picture times ``every``. clip: counts the cuts of the source.
    """

    rgb: Image
    source: str
    number: int
    seconds: float
    clip: int = 0
    blur: float = 0.0


@dataclass
class FrameCounts:
    """seen: candidates. dropped: how many for which reason: blurred, duplicate, less sharp."""

    seen: int = 0
    taken: int = 0
    cuts: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


def blurriness(rgb: Image) -> float:
    """Return how blurred an image uint8 [H, W, 3] is, 0..1, by the measure of Crete et al. (SPIE 2007): how
    little of the differences between neighbours a further blur takes away. It depends little on the content.
    """
    grey = _small_grey(rgb).astype(np.float32)
    worst = 0.0
    for axis in (0, 1):
        kernel = (BLUR_KERNEL, 1) if axis else (1, BLUR_KERNEL)
        blurred = cv2.blur(grey, kernel)
        before = np.abs(np.diff(grey, axis=axis))
        after = np.abs(np.diff(blurred, axis=axis))
        total = float(before.sum())
        lost = float(np.maximum(0, before - after).sum())
        worst = max(worst, (total - lost) / total if total > 0 else 1.0)
    return worst


def choose_frames(
    candidates: Iterable[Frame], settings: FrameSettings, counts: FrameCounts
) -> Iterator[Frame]:
    """Choose from the frames of one source, in order: the sharpest of every ``settings.every`` seconds of a
    clip, if it is sharp and unlike the one before.
    """
    window: list[Frame] = []
    clip, histogram = 0, None
    last: Image | None = None
    for frame in candidates:
        counts.seen += 1
        previous, histogram = histogram, _histogram(frame.rgb)
        is_cut = previous is not None and _correlation(previous, histogram) < settings.cut
        if window and (is_cut or frame.seconds - window[0].seconds >= settings.every):
            last = yield from _take(window, settings, counts, last)
            window = []
        if is_cut:
            clip, last = clip + 1, None
            counts.cuts += 1
        blur = blurriness(frame.rgb)
        window.append(Frame(frame.rgb, frame.source, frame.number, frame.seconds, clip, blur))
    if window:
        yield from _take(window, settings, counts, last)


def read_frames(settings: FrameSettings, counts: FrameCounts) -> Iterator[Frame]:
    """Choose frames of all files of a folder. Raises InvalidInputError for a folder without any."""
    files = sorted(path for path in settings.folder.rglob("*") if path.is_file())
    videos = [path for path in files if path.suffix.lower() in VIDEOS]
    folders = sorted({path.parent for path in files if path.suffix.lower() in PICTURES})
    if not videos and not folders:
        raise InvalidInputError(f"there are neither videos nor pictures in {settings.folder}")
    sources = [_video(path, settings) for path in videos]
    sources += [_pictures(folder, settings) for folder in folders]
    for source in sources:
        for frame in choose_frames(source, settings, counts):
            if settings.most and counts.taken >= settings.most:
                return
            counts.taken += 1
            yield frame


def _take(
    window: list[Frame], settings: FrameSettings, counts: FrameCounts, last: Image | None
) -> Generator[Frame, None, Image | None]:
    """Yield the best of a window or nothing; returns the thumbnail of the last frame that was taken."""
    best = min(window, key=lambda frame: frame.blur)
    counts.dropped["less sharp"] += len(window) - 1
    small = cv2.resize(_small_grey(best.rgb), THUMBNAIL, interpolation=cv2.INTER_AREA)
    thumbnail = np.asarray(small, np.uint8)
    if best.blur > settings.blur:
        counts.dropped["blurred"] += 1
    elif last is not None and float(cv2.absdiff(thumbnail, last).mean()) < settings.same:
        counts.dropped["duplicate"] += 1
    else:
        yield best
        return thumbnail
    return last


def _video(path: Path, settings: FrameSettings) -> Iterator[Frame]:
    name = path.relative_to(settings.folder).as_posix()
    video = cv2.VideoCapture(str(path))
    try:
        rate = video.get(cv2.CAP_PROP_FPS)
        if not video.isOpened():
            raise InvalidInputError(f"{path} is not a readable video")
        rate = rate if 0 < rate < 1000 else 30.0
        step = max(1, round(rate / settings.candidates))
        number = 0
        while video.grab():
            if number % step == 0:
                is_read, bgr = video.retrieve()
                if is_read:
                    rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
                    yield Frame(rgb, name, number, number / rate)
            number += 1
    finally:
        video.release()


def _pictures(folder: Path, settings: FrameSettings) -> Iterator[Frame]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURES)
    for number, path in enumerate(paths):
        rgb = read_picture(path)
        if rgb is not None:
            yield Frame(rgb, path.relative_to(settings.folder).as_posix(), number, number * settings.every)


def _small_grey(rgb: Image) -> Image:
    height, width = rgb.shape[:2]
    scale = min(1.0, MEASURED_SIDE / max(height, width))
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def _histogram(rgb: Image) -> NDArray[np.float32]:
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    bins = cv2.calcHist([hsv], [0, 1, 2], None, [8, 4, 4], [0, 180, 0, 256, 0, 256])
    return np.asarray(bins, np.float32)


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    return float(cv2.compareHist(first, second, cv2.HISTCMP_CORREL))
