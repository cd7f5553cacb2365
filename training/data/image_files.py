"""Image files of data sets: only those inside their folder, upright with the masks that belong to them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.pictures import upright_rgb

Turn = Callable[[NDArray[np.bool_]], NDArray[np.bool_]]
TURNS: dict[int, Turn] = {
    2: lambda m: m[..., ::-1],
    3: lambda m: m[..., ::-1, ::-1],
    4: lambda m: m[..., ::-1, :],
    5: lambda m: m.swapaxes(-1, -2),
    6: lambda m: np.rot90(m, -1, (-2, -1)),
    7: lambda m: m[..., ::-1, ::-1].swapaxes(-1, -2),
    8: lambda m: np.rot90(m, 1, (-2, -1)),
}
"""What brings stored pixels upright, by EXIF orientation (CIPA DC-008, section 4.6.4); 1 is upright."""


class EncodedImage(ABC):
    """An image of a data set. Its EXIF orientation turns the image and the masks of its annotations alike.

    ``str`` names it in messages.
    """

    @abstractmethod
    def open(self) -> BinaryIO:
        """Open the encoded image (JPEG, PNG ...). Raises OSError."""

    def read(self) -> NDArray[np.uint8]:
        """Read it upright, RGB uint8 [H, W, 3], what is transparent as white.

        Raises InvalidInputError for a missing or damaged file.
        """
        try:
            with self.open() as file, Image.open(file) as image:
                return upright_rgb(image)
        except FileNotFoundError:
            raise InvalidInputError(f"there is no image {self}") from None
        except Exception as error:  # PIL raises another kind for each format
            raise InvalidInputError(f"cannot decode the image {self}: {error}") from None

    def size(self) -> tuple[int, int]:
        """Read the height and width of the upright image from its header. Raises InvalidInputError."""
        (height, width), orientation = self._header()
        return (width, height) if orientation >= 5 else (height, width)

    def stored_size(self) -> tuple[int, int]:
        """Read the height and width before EXIF turns the image. Raises InvalidInputError."""
        return self._header()[0]

    def no_masks(self) -> NDArray[np.bool_]:
        """Return no mask in the size of the upright image, bool [0, H, W]. Raises InvalidInputError."""
        return np.zeros((0, *self.size()), bool)

    def is_turned(self) -> bool:
        """Return whether its EXIF orientation turns or mirrors it. Raises InvalidInputError."""
        return self._header()[1] != 1

    def upright(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Turn masks [m, H, W] of the stored pixels as ``read`` turns the image.

        Masks that have the upright image's size only are upright already. Raises InvalidInputError for masks
        of another size than the image.
        """
        stored, orientation = self._header()
        size = stored[::-1] if orientation >= 5 else stored
        if masks.shape[1:] == stored:
            turn = TURNS.get(orientation)
            return np.ascontiguousarray(turn(masks)) if turn else masks
        if masks.shape[1:] == size:
            return masks
        height, width = masks.shape[1:]
        raise InvalidInputError(f"{self} is {size[1]}x{size[0]}, its masks are {width}x{height}")

    def stored(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Turn masks [m, H, W] of the upright image to the stored pixels, the inverse of ``upright``.

        Raises InvalidInputError for masks of another size than the image.
        """
        (height, width), orientation = self._header()
        turn = TURNS.get({6: 8, 8: 6}.get(orientation, orientation))  # the others are their own inverses
        turned = np.ascontiguousarray(turn(masks)) if turn else masks
        if turned.shape[1:] != (height, width):
            raise InvalidInputError(f"{self} has stored {width}x{height} pixels, its masks do not fit")
        return turned

    def _header(self) -> tuple[tuple[int, int], int]:
        """Stored height and width, and the EXIF orientation."""
        try:
            with self.open() as file, Image.open(file) as image:
                orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
                return (image.height, image.width), orientation if orientation in TURNS else 1
        except FileNotFoundError:
            raise InvalidInputError(f"there is no image {self}") from None
        except Exception as error:  # PIL raises another kind for each format
            raise InvalidInputError(f"{self} is not a readable image: {error}") from None


@dataclass(frozen=True)
class ImageFile(EncodedImage):
    """An image in a file of its own."""

    path: Path

    def open(self) -> BinaryIO:
        """Open the file."""
        return self.path.open("rb")

    def __str__(self) -> str:
        return str(self.path)


def image_file(folder: Path, name: str) -> ImageFile:
    """Return the image that an annotation names, relative to the image folder.

    Raises InvalidInputError for an absolute path, for ``..``, for a link out of the folder and for a missing
    file.
    """
    parts = PurePosixPath(name.replace("\\", "/"))
    if not name or parts.is_absolute() or ".." in parts.parts or Path(name).is_absolute():
        raise InvalidInputError(f"the image path {name!r} leads out of the image folder")
    path = folder / parts
    if not path.is_file():
        raise InvalidInputError(f"there is no image {path}")
    if not path.resolve().is_relative_to(_resolved(folder)):
        raise InvalidInputError(f"the image {path} is a link out of the image folder")
    return ImageFile(path)


def check_folder(path: Path) -> None:
    """Raise InvalidInputError where there is no folder of images."""
    if not path.is_dir():
        raise InvalidInputError(f"there is no image folder {path}")


def check_frame_name(pattern: str) -> None:
    """Raise ValueError for a pattern that gives two frames of videos the same name."""
    try:
        names = {pattern.format(video=video, frame=frame) for video in ("v", "w") for frame in (1, 2)}
    except (LookupError, ValueError, AttributeError):
        names = set()
    if len(names) < 4:
        raise ValueError(f"frame_name must contain {{video}} and {{frame}}, got {pattern!r}")


def frame_file(folder: Path, pattern: str, video: str, frame: int) -> ImageFile:
    """Return the file of an extracted frame of a video. Raises InvalidInputError as ``image_file``."""
    return image_file(folder, pattern.format(video=video, frame=frame))


@lru_cache(64)
def _resolved(folder: Path) -> Path:
    return folder.resolve()
