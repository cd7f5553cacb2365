"""Small files of the COCO and RefCOCO kind for the tests of readers."""

import json
import pickle

import cv2
import numpy as np

from instructsam_ros.training.data.broken_records import BrokenRecords

H, W = 48, 64
SQUARE = [8, 8, 24, 8, 24, 28, 8, 28]  # 320 pixels
COLUMN = {"size": [H, W], "counts": [0, H, H * W - H]}  # the first column
SMALL = [40, 8, 50, 8, 50, 18, 40, 18]  # 100 pixels


def image(folder, name="a.jpg"):
    path = folder / "images" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((H, W, 3), 90, np.uint8))
    return path


def annotation(number, segmentation, image_id=1, **changes):
    return {"id": number, "image_id": image_id, "category_id": 47, "iscrowd": 0,
            "segmentation": segmentation, **changes}  # fmt: skip


def instances(folder, **changes):
    content = {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": W, "height": H},
            {"id": 2, "file_name": "b.jpg", "width": W, "height": H},
        ],
        "annotations": [
            annotation(10, [SQUARE]),
            annotation(11, COLUMN, iscrowd=1),
            annotation(12, [[0, 0, 0, 0, 0, 0]]),
            annotation(20, [SMALL], 2),
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
