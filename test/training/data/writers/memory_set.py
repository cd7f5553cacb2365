"""Data sets of given samples for the tests of writers."""

import numpy as np
from PIL import ExifTags, Image

from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.sample import Phrase, Sample

H, W = 12, 16


class MemorySet:
    """A data set of given samples."""

    format = "memory"

    def __init__(self, samples):
        self.samples = samples

    def read(self, broken):
        return broken.count(iter(self.samples))


def image_file(folder, orientation=1, seed=0, suffix="jpg"):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    pixels = np.random.default_rng(seed).integers(0, 255, (H, W, 3), dtype=np.uint8)
    path = folder / f"{orientation}-{seed}.{suffix}"
    Image.fromarray(pixels).save(path, exif=exif)
    return ImageFile(path)


def sample(image, masks, text="segment the cup", phrase="cup", **changes):
    return Sample(
        image=image.path.name,
        read=image.read,
        instruction=text,
        phrases=(Phrase(phrase, lambda: masks),),
        record="r",
        source="s",
        **changes,
    )


def random_masks(size, count=2, seed=0):
    masks = np.random.default_rng(seed).random((count, *size)) > 0.6
    masks[:, 0, 0] = True
    return masks
