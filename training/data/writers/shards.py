"""Writer of shards (see ../readers/shards.py): tar archives in the layout of the webdataset library.

Written by tarfile: the library's own writer imports torch, which readers and writers of data do without.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.conversion import AnnotatedImage, EncodedSample
from instructsam_ros.training.data.mask_codec import json_rle
from instructsam_ros.training.data.shard_labels import labels_entry

LARGEST = 1 << 29
"""Bytes of images after which a new archive begins."""


def write(images: Iterable[AnnotatedImage], folder: Path) -> dict[str, str]:
    """Write 000000.tar, 000001.tar ...; return the settings of the reader, relative to the folder."""
    remaining = iter(enumerate(images))
    for shard, first in enumerate(remaining):
        with tarfile.open(folder / f"{shard:06d}.tar", "w") as tar:
            for number, image in _limited(first, remaining):
                key = f"{number:09d}"
                _add(tar, key + PurePosixPath(image.name).suffix.lower(), image.content)
                _add(tar, f"{key}.json", json.dumps(_entry(image), ensure_ascii=False).encode())
    return {"format": "shards", "path": "."}


def _limited(
    first: tuple[int, AnnotatedImage], remaining: Iterator[tuple[int, AnnotatedImage]]
) -> Iterator[tuple[int, AnnotatedImage]]:
    """The images of one archive."""
    yield first
    size = len(first[1].content)
    while size < LARGEST and (item := next(remaining, None)):
        yield item
        size += len(item[1].content)


def _entry(image: AnnotatedImage) -> dict[str, Any]:
    samples = [_sample(each) for each in image.samples]
    about = {"image": image.name, "height": image.height, "width": image.width}
    return {**about, "samples": samples, "nouns": _nouns(image)}


def _nouns(image: AnnotatedImage) -> dict[str, Any] | None:
    """The labels of the image; None where a mask of them cannot be read, as then no noun is known in full."""
    labels = image.samples[0].sample.nouns
    try:
        return labels_entry(labels, image.encode) if labels else None
    except InvalidInputError:
        return None


def _sample(encoded: EncodedSample) -> dict[str, Any]:
    sample = encoded.sample
    phrases = [
        {"text": phrase.text, "masks": [json_rle(rle) for rle in rles]}
        for phrase, rles in zip(sample.phrases, encoded.phrases, strict=True)
    ]
    return {
        "instruction": sample.instruction,
        "phrases": phrases,
        "boxes_only": sample.boxes_only,
        "ignore": [json_rle(rle) for rle in encoded.ignore],
        "record": sample.record,
        "source": sample.source,
        "split": sample.split,
        "labels": dict(sample.labels),
    }


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # without times and owners: the same samples make the same archive
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
