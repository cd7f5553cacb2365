"""Inspection of whole data sets: every image and mask is read, counted and checked."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import DataSet
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.data.sample_sheet import SampleSheet

SHOWN = 20
"""Broken records and duplicates that a report names; it counts the others."""
VALUES = 12
"""Values of a label that a report counts one by one."""
INSTANCE_BINS = (0, 1, 2, 3, 6, 11)
"""Least numbers of instances of the bins of the report's histogram."""


class Inspection:
    """Counts of usable samples and a line on each broken record.

    Memory holds no images: two digests of 16 bytes per instruction, and 8 bytes per mask.
    """

    def __init__(self) -> None:
        self.usable = self.no_target = self.boxes_only = self.empty_masks = 0
        self.broken: list[str] = []
        self.labels: dict[str, Counter[str]] = defaultdict(Counter)
        self.sizes: Counter[tuple[int, int]] = Counter()
        """Images by width and height."""
        self.instances: Counter[int] = Counter()
        """Instructions by number of instances."""
        self.areas, self.shares = array("I"), array("f")
        """Of every instance: pixels, and the share of its image."""
        self.repeated: list[str] = []
        """Instructions that occur again on the same image."""
        self.copied: list[str] = []
        """Instructions that occur again on an image of another name with the same pixels."""
        self._images: set[bytes] = set()
        self._seen: set[bytes] = set()

    def add(self, sample: Sample, image: NDArray[np.uint8], masks: NDArray[np.bool_], digest: bytes) -> None:
        """Count a usable sample. image: RGB uint8 [H, W, 3]. masks: bool [m, H, W]. digest: of the pixels."""
        self.usable += 1
        height, width = image.shape[:2]
        areas = masks.sum((1, 2), dtype=np.int64)
        self.empty_masks += int((areas == 0).sum())
        areas = areas[areas > 0]
        self.areas.extend(areas.tolist())
        self.shares.extend((areas / (height * width)).tolist())
        self.instances[len(areas)] += 1
        self.no_target += not len(areas)
        self.boxes_only += sample.boxes_only
        for label, value in {"source": sample.source, "split": sample.split, **sample.labels}.items():
            self.labels[label][value or "(none)"] += 1
        name = _digest(sample.source, sample.image)
        if name not in self._images:
            self._images.add(name)
            self.sizes[width, height] += 1
        text = " ".join(sample.instruction.casefold().split())
        same_name, same_pixels = _digest(name.hex(), text), _digest(digest.hex(), text)
        if same_name in self._seen or same_pixels in self._seen:
            kind = self.repeated if same_name in self._seen else self.copied
            kind.append(f"{sample.image}: {sample.record}: {sample.instruction!r}")
        self._seen |= {same_name, same_pixels}

    def report(self) -> str:
        """Format the counts, and the first broken records and duplicates, as text."""
        rows = [("instructions", f"{self.usable} usable, {len(self.broken)} records broken")]
        if self.usable:
            rows += self._rows()
        lines = [f"{name:<14}{text}" for name, text in rows]
        lines += _listed("repeated on the same image", self.repeated)
        lines += _listed("repeated on an image with the same pixels", self.copied)
        lines += _listed("broken records", self.broken)
        return "\n".join(lines)

    def _rows(self) -> Iterator[tuple[str, str]]:
        sizes = Counter({f"{width}x{height}": count for (width, height), count in self.sizes.items()})
        yield "images", f"{sizes.total()}: {_counts(sizes)}"
        yield "no target", f"{self.no_target} ({self.no_target / self.usable:.1%})"
        yield "boxes only", str(self.boxes_only)
        ends = [*INSTANCE_BINS[1:], max(self.instances) + 1]
        counts = [
            f"{start if end - start == 1 else f'{start}-{end - 1}'}: {found}"
            for start, end in zip(INSTANCE_BINS, ends, strict=True)
            if (found := sum(n for m, n in self.instances.items() if start <= m < end))
        ]
        yield "instances", f"{len(self.areas) / self.usable:.2f} per instruction; {', '.join(counts)}"
        if self.areas:
            low, middle, high = np.percentile(np.asarray(self.shares), (5, 50, 95))
            yield (
                "mask areas",
                f"median {middle:.2%} of the image, 90% in {low:.3%} to {high:.1%}, "
                f"smallest {min(self.areas)} pixels",
            )
        if self.empty_masks:
            yield "empty masks", str(self.empty_masks)
        for label, values in self.labels.items():
            yield label, _counts(values)


def inspect(sets: Sequence[DataSet], sheet: SampleSheet | None = None) -> Inspection:
    """Read all images and masks of the sets, with a progress bar on standard error.

    A set that cannot be read (to its end) is a broken record of the inspection. sheet: receives all usable
    samples.
    """
    inspection = Inspection()
    for data_set in sets:
        broken = BrokenRecords(max_share=1.0, shown=0)
        samples = tqdm(data_set.read(broken), desc=data_set.format, unit=" instructions")
        try:
            for sample, image, masks, digest in _checked(samples, broken):
                inspection.add(sample, image, masks, digest)
                if sheet is not None:
                    sheet.add(sample, image, masks)
        except InvalidInputError as error:
            broken.add(data_set.format, "the rest of the data set", error)
        inspection.broken += broken.problems
    return inspection


def _checked(
    samples: Iterable[Sample], broken: BrokenRecords
) -> Iterator[tuple[Sample, NDArray[np.uint8], NDArray[np.bool_], bytes]]:
    """Read images, once each, and masks; samples that cannot be read are broken records."""
    name, image, digest, problem = "", np.zeros((0, 0, 3), np.uint8), b"", ""
    for sample in samples:
        if sample.image != name:
            name, problem = sample.image, ""
            try:
                image = sample.read()
                digest = hashlib.sha256(repr(image.shape).encode() + image.tobytes()).digest()
            except InvalidInputError as error:
                problem = str(error)
        try:
            if problem:
                raise InvalidInputError(problem)
            masks = _masks(sample, image)
        except InvalidInputError as error:
            broken.add(sample.image, sample.record, error)
            continue
        yield sample, image, masks, digest


def _masks(sample: Sample, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Masks of a sample, bool [m, H, W]. Raises InvalidInputError where they do not fit the image."""
    if not sample.phrases:
        raise InvalidInputError("a sample without a phrase")
    masks = [phrase.masks() for phrase in sample.phrases]
    for found in [*masks, *([sample.ignore()] if sample.ignore else [])]:
        if found.shape[1:] != image.shape[:2]:
            sizes = [f"{shape[1]}x{shape[0]}" for shape in (image.shape, found.shape[1:])]
            raise InvalidInputError(f"the image is {sizes[0]}, a mask {sizes[1]}")
    return np.concatenate(masks)


def _digest(*parts: str) -> bytes:
    return hashlib.blake2b("\0".join(parts).encode(errors="replace"), digest_size=16).digest()


def _counts(values: Counter[str]) -> str:
    listed = [f"{value} {count}" for value, count in values.most_common(VALUES)]
    others = len(values) - len(listed)
    return ", ".join([*listed, f"and {others} other values"] if others else listed)


def _listed(title: str, lines: Sequence[str]) -> list[str]:
    if not lines:
        return []
    shown = [f"{title}: {len(lines)}", *(f"  {line}" for line in lines[:SHOWN])]
    return [*shown, f"  and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else shown
