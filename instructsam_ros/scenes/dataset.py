"""Dataset of rendered views on disk, four files per view. See docs/scenes.md for the format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instructsam_ros.errors import InvalidInputError

JPEG_QUALITY = 95


@dataclass(frozen=True)
class View:
    """An RGB-D image with exact annotations.

    rgb: uint8 [H, W, 3]. ids: uint8 [H, W], 0 background, 200 and above occluders. depth: float32
    [H, W] metres, 0 = none. meta: see scenes.rendering.annotations.
    """

    rgb: NDArray[np.uint8]
    ids: NDArray[np.uint8]
    depth: NDArray[np.float32]
    meta: dict[str, Any]


def view_paths(root: str | Path) -> list[Path]:
    """List the JPEG of every view below a dataset folder, in order; InvalidInputError if there is none."""
    paths = sorted(Path(root).glob("shard-*/*.jpg")) or sorted(Path(root).glob("*.jpg"))
    if not paths:
        raise InvalidInputError(
            f"no rendered views in {root}; make some with: instructsam scenes render N {root}"
        )
    return paths


def load_view(path: str | Path, *, depth: bool = True) -> View:
    """Read the view of a JPEG path. depth: False leaves the depth map zero, which is faster."""
    jpeg = Path(path)
    rgb = cv2.cvtColor(_read(jpeg, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    ids = _read(jpeg.with_name(f"{jpeg.stem}_ids.png"), cv2.IMREAD_UNCHANGED)
    metres = np.zeros(ids.shape, np.float32)
    if depth:
        millimetres = _read(jpeg.with_name(f"{jpeg.stem}_depth.png"), cv2.IMREAD_UNCHANGED)
        metres = millimetres.astype(np.float32) / 1000
    return View(rgb, ids, metres, _read_meta(jpeg.with_suffix(".json")))


def iter_views(root: str | Path, *, depth: bool = True) -> Iterator[View]:
    """Iterate over the views of a dataset, in order."""
    for path in view_paths(root):
        yield load_view(path, depth=depth)


def save_view(view: View, stem: Path, jpeg_quality: int = JPEG_QUALITY) -> None:
    """Write ``stem``.jpg, _depth.png (uint16 millimetres), _ids.png and .json."""
    millimetres = np.round(np.clip(view.depth, 0, 65) * 1000).astype(np.uint16)
    bgr = cv2.cvtColor(view.rgb, cv2.COLOR_RGB2BGR)
    _write(Path(f"{stem}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, jpeg_quality])
    _write(Path(f"{stem}_depth.png"), millimetres)
    _write(Path(f"{stem}_ids.png"), view.ids)
    Path(f"{stem}.json").write_text(json.dumps(view.meta))


def _read(path: Path, flags: int) -> Any:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise InvalidInputError(_incomplete(path))
    return image


def _read_meta(path: Path) -> dict[str, Any]:
    try:
        meta: dict[str, Any] = json.loads(path.read_text())
    except (FileNotFoundError, ValueError) as error:
        raise InvalidInputError(_incomplete(path)) from error
    return meta


def _incomplete(path: Path) -> str:
    return f"cannot read {path}; the dataset is incomplete, render it again"


def _write(path: Path, image: NDArray[Any], options: list[int] | None = None) -> None:
    if not cv2.imwrite(str(path), image, options or []):
        raise OSError(f"cannot write {path}")
