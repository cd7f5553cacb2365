"""Small annotation files of the form of COCO, with images."""

import json

import numpy as np
from PIL import Image

H, W = 48, 64


def polygon(left, top, right, bottom):
    return [left, top, right, top, right, bottom, left, bottom]


def annotation(number, category, left=8, top=8, right=24, bottom=28, image=1, **changes):
    """A box as a polygon."""
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": [left, top, right - left, bottom - top],
        "area": (right - left) * (bottom - top),
        "iscrowd": 0,
        "segmentation": [polygon(left, top, right, bottom)],
        **changes,
    }


def write_set(folder, annotations, categories, images=None, **others):
    """Write set.json and images/a.jpg. images: entries; one of a.jpg without them."""
    (folder / "images").mkdir(exist_ok=True)
    Image.fromarray(np.full((H, W, 3), (200, 20, 10), np.uint8)).save(folder / "images" / "a.jpg")
    content = {
        "info": {"year": 2017},
        "annotations": annotations,
        "images": images or [{"id": 1, "file_name": "a.jpg", "width": W, "height": H}],
        "categories": [{"id": number, "name": name} for number, name in categories.items()],
        **others,
    }
    (folder / "set.json").write_text(json.dumps(content))
    return folder / "set.json"


def samples_of(reader, folder, broken, **settings):
    """All different samples over many seeds, by instruction."""
    found = {}
    for seed in range(settings.pop("seeds", 60)):
        set_of = reader.Settings(folder / "set.json", folder / "images", seed=seed, **settings)
        found |= {sample.instruction: sample for sample in reader.read(set_of, broken)}
    return found


def phrases(samples, cardinality=None):
    """Nouns of the samples with a target, or of those of a cardinality."""
    return {
        s.phrases[0].text
        for s in samples.values()
        if (s.labels["cardinality"] == cardinality if cardinality else s.labels["cardinality"] != "none")
    }
