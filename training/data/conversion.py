"""Conversion of data sets: samples of any reader, image by image, for the writers of other forms."""

from __future__ import annotations

import importlib
import io
import json
import pkgutil
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from instructsam_ros.atomic_write import put_in_place
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data import writers
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.image_files import EncodedImage
from instructsam_ros.training.data.mask_codec import Rle, encode_masks
from instructsam_ros.training.data.registry import DataSet
from instructsam_ros.training.data.sample import Masks, Sample

TARGETS = tuple(sorted(module.name for module in pkgutil.iter_modules(writers.__path__)))
"""Names of all target forms, one per file of ``writers``, each with ``write(images, folder)``."""

WHOLE_KINDS = ("noun", "all", "count")
"""Kinds of instructions of noun_instructions.py about all objects of a noun."""


@dataclass(frozen=True)
class EncodedSample:
    """A sample with its masks encoded. phrases: RLEs of the instances of each. ignore: pixels to leave out.

    Masks are those of the stored pixels, before the EXIF orientation of the image turns them.
    """

    sample: Sample
    phrases: tuple[tuple[Rle, ...], ...]
    ignore: tuple[Rle, ...]

    def rles(self) -> list[Rle]:
        """The instances of all phrases."""
        return [rle for phrase in self.phrases for rle in phrase]


@dataclass(frozen=True)
class AnnotatedImage:
    """An image and its samples. name: a relative path, unique in the target. height, width: stored pixels."""

    name: str
    height: int
    width: int
    content: bytes
    samples: tuple[EncodedSample, ...]
    source: EncodedImage | None

    def encode(self, read: Masks) -> tuple[Rle, ...]:
        """RLEs of the stored pixels of masks, none of those without a pixel. Raises InvalidInputError."""
        return _encode(read, self.source, (self.height, self.width))

    def save(self, folder: Path) -> None:
        """Write the encoded image below a folder."""
        path = folder / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.content)


def convert(sets: Sequence[DataSet], target: Path, form: str) -> tuple[dict[str, str], BrokenRecords]:
    """Write data sets as a new folder ``target`` in another form; it appears whole or not at all.

    Returns the ``format`` and settings of the reader of the new folder, and the broken records left out.
    Raises InvalidInputError for an unknown form, a target that exists, too many broken records, and sets
    without a usable sample or with samples that the form cannot hold.
    """
    if form not in TARGETS:
        raise InvalidInputError(f"cannot write {form!r}; the forms are {', '.join(TARGETS)}")
    if target.exists():
        raise InvalidInputError(f"{target} exists; convert into a new folder")
    writer = importlib.import_module(f"{writers.__name__}.{form}")
    target.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        broken = BrokenRecords()
        settings: dict[str, str] = writer.write(annotated_images(sets, broken), folder)
        if not broken.usable:
            raise InvalidInputError(f"there is no usable sample, {broken.summary()}")
        folder.chmod(0o755)  # mkdtemp makes it accessible for its owner alone
        put_in_place(folder, target)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    paths = {key: str(target / value) for key, value in settings.items() if key != "format"}
    return {"format": settings["format"], **paths}, broken


def annotated_images(sets: Sequence[DataSet], broken: BrokenRecords) -> Iterator[AnnotatedImage]:
    """Read all samples, with a progress bar on standard error; those that cannot be read are broken."""
    names: dict[object, str] = {}
    taken: set[str] = set()
    for number, data_set in enumerate(sets):
        samples = tqdm(data_set.read(broken), desc=data_set.format, unit=" instructions")
        for image, group in groupby(samples, lambda sample: sample.image):
            first, *others = group
            source = encoded_image(first)
            try:
                content, size, suffix = _content(first, source)
            except (InvalidInputError, OSError, EOFError) as error:
                for sample in (first, *others):
                    broken.reject(sample.image, sample.record, error)
                continue
            encoded = []
            for sample in (first, *others):
                try:
                    encoded.append(_encoded(sample, source, size))
                except InvalidInputError as error:
                    broken.reject(sample.image, sample.record, error)
            key = source or (number, image)
            if key not in names:
                names[key] = _free_name(image, suffix, taken)
            if encoded:
                yield AnnotatedImage(names[key], *size, content, tuple(encoded), source)


def encoded_image(sample: Sample) -> EncodedImage | None:
    """The encoded image behind a sample, None for one that is made by computation."""
    owner = getattr(sample.read, "__self__", None)
    return owner if isinstance(owner, EncodedImage) else None


def names_all(sample: Sample) -> bool:
    """Whether the instances of the phrase are certainly all of the image that the phrase names."""
    is_bare = any(phrase.text.casefold() == sample.instruction.casefold() for phrase in sample.phrases)
    return is_bare or sample.labels.get("kind") in WHOLE_KINDS


def write_json_list(path: Path, elements: Iterable[Any]) -> None:
    """Write a JSON list, an element a line, without holding it in memory."""
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        for number, element in enumerate(elements):
            file.write(",\n" if number else "\n")
            json.dump(element, file, ensure_ascii=False)
        file.write("\n]\n")


def _content(sample: Sample, source: EncodedImage | None) -> tuple[bytes, tuple[int, int], str]:
    """The encoded image, its stored height and width, and its suffix; a PNG where no file is behind it."""
    if source is not None:
        with source.open() as file:
            return file.read(), source.stored_size(), PurePosixPath(str(source)).suffix
    pixels = sample.read()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue(), (pixels.shape[0], pixels.shape[1]), ".png"


def _encoded(sample: Sample, source: EncodedImage | None, size: tuple[int, int]) -> EncodedSample:
    phrases = tuple(_encode(phrase.masks, source, size) for phrase in sample.phrases)
    return EncodedSample(sample, phrases, _encode(sample.ignore, source, size) if sample.ignore else ())


def _encode(read: Masks, source: EncodedImage | None, size: tuple[int, int]) -> tuple[Rle, ...]:
    masks: NDArray[np.bool_] = read()
    if source is not None:
        masks = source.stored(masks)
    elif masks.shape[1:] != size:
        raise InvalidInputError(f"masks are {masks.shape[1:]}, the image is {size}")
    return encode_masks(masks[masks.any((1, 2))])


def _free_name(image: str, suffix: str, taken: set[str]) -> str:
    """A relative path like the image's name that no other image has."""
    parts = [part for part in PurePosixPath(image.replace("\\", "/")).parts if part.strip("./")]
    path = PurePosixPath(*parts or ["image"])
    if path.suffix.lower() != suffix.lower():
        path = path.with_name(path.name + suffix)
    number, name = 1, str(path)
    while name in taken:
        number += 1
        name = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    taken.add(name)
    return name
