"""Images of VISOR frames: where they lie, and in which pixels their annotations are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.image_files import ImageFile, image_file

SPARSE, DENSE = (1080, 1920), (480, 854)
"""Height and width that coordinates are in; the names of dense files contain "interpolation"."""
ASPECT = 0.01
"""Largest relative difference of the aspect ratios of an image and its annotations."""


@dataclass(frozen=True)
class VisorImage:
    """An image of VISOR. name: in the files. epic_name: of the same frame in EPIC-KITCHENS, "" where unknown.

    The numbers of both names differ, so that equal numbers are different frames.
    """

    video: str
    name: str
    epic_name: str
    file: ImageFile

    def epic_frame(self) -> int | None:
        """Return the frame number in EPIC-KITCHENS, None where it is unknown."""
        number = re.search(r"(\d+)\.\w+$", self.epic_name)
        return int(number[1]) if number else None

    def annotated_size(self, annotations: Path) -> tuple[int, int]:
        """Height and width that coordinates are in. Raises InvalidInputError for another aspect ratio."""
        size = DENSE if "interpolation" in annotations.name else SPARSE
        height, width = self.file.stored_size()
        if abs(width * size[0] / (height * size[1]) - 1) > ASPECT:
            raise InvalidInputError(
                f"{self.file.path} is {width}x{height}, its masks are {size[1]}x{size[0]}"
            )
        return size


def find_image(about: Any, images: Path, mapping: Mapping[str, Mapping[str, str]]) -> VisorImage:
    """Find an image where ``image_path`` names it, in the folder of its video, where VISOR's archive of the
    video was unpacked in place (``rgb_frames`` or a split in it), or by its EPIC-KITCHENS name.

    about: {image_path, name, video, subsequence}. mapping: names of EPIC-KITCHENS by video and name. Raises
    InvalidInputError.
    """
    try:
        path, name, video = (about[key] for key in ("image_path", "name", "video"))
    except (TypeError, KeyError):
        raise InvalidInputError("expected an image with image_path, name and video") from None
    if not all(isinstance(text, str) for text in (path, name, video)):
        raise InvalidInputError("image_path, name and video must be texts")
    jpg, epic = _as_jpg(name), mapping.get(video, {}).get(_as_jpg(name), "")
    places = [path, f"{video}/{name}", f"{video}/{about.get('subsequence')}/{name}"]
    kitchen = video.partition("_")[0]
    unpacked = [f"{kitchen}/{video}/{name}", f"{kitchen}/{name}"]
    places += [f"{split}{place}" for split in ("", "train/", "val/", "test/") for place in unpacked]
    places += [_as_jpg(place) for place in places]
    if epic:
        places += [f"{video}/{epic}", f"{kitchen}/rgb_frames/{video}/{epic}"]
    found = next((place for place in places if (images / place).is_file()), path)
    return VisorImage(video, jpg, epic, image_file(images, found))


def _as_jpg(name: str) -> str:
    """The name as frame_mapping.json has it; dense files write some with .png."""
    return str(PurePosixPath(name).with_suffix(".jpg")) if name.endswith(".png") else name
