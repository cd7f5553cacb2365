"""Small annotation files of the forms of COCO and RefCOCO, with images, and what readers make of them."""

import json
import pickle

import cv2
import numpy as np

from instructsam_ros.training.data.broken_records import BrokenRecords

H, W = 48, 64
SQUARE = [8, 8, 24, 8, 24, 28, 8, 28]  # 320 pixels
COLUMN = {"size": [H, W], "counts": [0, H, H * W - H]}  # the first column


def image(folder, name="a.jpg"):
    path = folder / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((H, W, 3), 90, np.uint8))
    return path


def polygon(left, top, right, bottom):
    return [left, top, right, top, right, bottom, left, bottom]


def annotation(number, category=47, left=8, top=8, right=24, bottom=28, image=1, **changes):
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
    image(folder)
    content = {
        "info": {"year": 2017},
        "annotations": annotations,
        "images": images or [{"id": 1, "file_name": "a.jpg", "width": W, "height": H}],
        "categories": [{"id": number, "name": name} for number, name in categories.items()],
        **others,
    }
    return write(folder / "set.json", content)


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


def instances(folder, **changes):
    """Write instances.json, images/a.jpg and images/b.jpg."""
    content = {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": W, "height": H},
            {"id": 2, "file_name": "b.jpg", "width": W, "height": H},
        ],
        "annotations": [
            annotation(10),
            annotation(11, segmentation=COLUMN, iscrowd=1),
            annotation(12, segmentation=[[0, 0, 0, 0, 0, 0]]),
            annotation(20, 47, 40, 8, 50, 18, image=2),
        ],
        "categories": [{"id": 47, "name": "cup"}],
        **changes,
    }
    image(folder, "a.jpg"), image(folder, "b.jpg")
    return write(folder / "instances.json", content)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def problems(reader, settings):
    """The broken records of a file that has usable ones besides."""
    broken = BrokenRecords()
    for sample in reader.read(settings, broken):
        sample.masks()
    return broken.problems


def sentence(text, **changes):
    return {"sent_id": 5, "sent": text, "raw": text.upper(), "tokens": text.split(), **changes}


def ref(ann_id, *texts, image_id=1, **changes):
    return {"ref_id": 1, "image_id": image_id, "file_name": "a_16.jpg", "category_id": 47, "ann_id": ann_id,
            "split": "train", "sent_ids": [5], "sentences": [sentence(text) for text in texts],
            **changes}  # fmt: skip


def refs_settings(reader, folder, refs, name="refs(unc).p", **options):
    if not (folder / "instances.json").exists():
        instances(folder)
    path = folder / name
    path.write_bytes(pickle.dumps(refs, 2) if name.endswith(".p") else json.dumps(refs).encode())
    return reader.Settings(path, folder / "images", **options)


def read_refs(reader, folder, refs, name="refs(unc).p", **options):
    return list(reader.read(refs_settings(reader, folder, refs, name, **options), BrokenRecords()))
