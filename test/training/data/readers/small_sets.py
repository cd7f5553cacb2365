"""A set of one or two images of every format, on images that EXIF may turn, for tests of all readers."""

import csv
import io
import json
import pickle
import tarfile

import numpy as np
from PIL import ExifTags, Image

from instructsam_ros.paths import DATA
from test.training.data.coco_files import COLUMN, H, W, annotation, ref, write

CATEGORIES = [{"id": 1, "name": "cup"}, {"id": 2, "name": "fork"}]
IMAGE = {"id": 1, "file_name": "a.jpg", "width": W, "height": H}
OBJECTS = [annotation(1, 1), annotation(2, 1, 40, 8, 50, 18), annotation(3, 1, 52, 30, 60, 40)]


def photo(path, orientation, size=(H, W)):
    """Write an image of a stored size, height and width."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], (90, 60, 30)).save(path, exif=exif)


def coco(folder, orientation, entry=IMAGE, objects=OBJECTS, **others):
    photo(folder / "images" / "a.jpg", orientation)
    content = {"images": [entry], "annotations": objects, "categories": CATEGORIES, **others}
    return {"annotations": write(folder / "set.json", content), "images": folder / "images"}


def lvis(folder, orientation):
    return coco(folder, orientation, {**IMAGE, "neg_category_ids": [2]})


def paco(folder, orientation):
    objects = [{**each, "attribute_ids": [1]} for each in OBJECTS]
    attributes = [{"id": 1, "name": "red"}]
    return coco(folder, orientation, {**IMAGE, "neg_category_ids": [2]}, objects, attributes=attributes)


def detections(folder, orientation):
    boxes = [["cup", 0.9, [8, 8, 24, 28]], ["cup", 0.8, [40, 8, 50, 18]], ["fork", 0.4, [52, 30, 60, 40]]]
    entry = {"file": "a.jpg", "width": W, "height": H, "everything": boxes}
    return coco(folder, orientation) | {"annotations": write(folder / "boxes.json", [entry])}


def refcoco(folder, orientation):
    return _refs(folder, orientation, ref(1, "left cup"), ref(2, "cup on the right", "the last"))


def grefcoco(folder, orientation):
    return _refs(folder, orientation, ref([1, 2], "two cups"), ref([-1], "the lid"))


def refzom(folder, orientation):
    return _refs(folder, orientation, ref([1, 2], "two cups"), ref(1, "the lid", source="zero"))


def refcoco_ap(folder, orientation):
    entry = {"image": "a.jpg", "height": H, "width": W, "cat": ["cup", "lid"], "masks": [COLUMN, None]}
    return coco(folder, orientation) | {"annotations": write(folder / "ap.json", [entry])}


def roborefit(folder, orientation):
    entry = {"image": "a.jpg", "question": "the cup", "masks": COLUMN}
    return coco(folder, orientation) | {"annotations": write(folder / "robo.json", [entry])}


def hmpl(folder, orientation):
    texts = {
        "concept": ["cup"],
        "simple_query": ["segment the cups"],
        "complex_query": ["what to drink from"],
    }
    return coco(folder / "HMPL-Instruct_1toAll", orientation, {**IMAGE, "text_inst_input": texts})


def inst2seg(folder, orientation):
    items = [{"text": "the cup", "mask": [COLUMN]}, {"text": "the lid"}]
    entry = {"image": "a.jpg", "height": H, "width": W, "annotation": items}
    return coco(folder, orientation) | {"annotations": write(folder / "inst2seg.json", [entry])}


def reasonseg(folder, orientation):
    shape = {"label": "target", "points": [[8, 8], [24, 8], [24, 28]]}
    ignored = {"label": "ignore", "points": [[30, 8], [36, 8], [36, 14]]}
    entry = {"text": ["to drink from", "a cup"], "is_sentence": True, "shapes": [shape, ignored]}
    photo(folder / "val" / "a.jpg", orientation)
    write(folder / "val" / "a.json", entry)
    return {"annotations": folder / "val", "images": folder / "val"}


def visor(folder, orientation):
    about = {"image_path": "P01_01/a.jpg", "name": "a.jpg", "subsequence": "", "video": "P01_01"}
    cup = {"id": "1", "name": "cup", "class_id": 13, "exhaustive": "y"}
    hand = {"id": "2", "name": "left hand", "class_id": 300, "in_contact_object": "hand-not-in-contact"}
    box = [[100, 100], [600, 100], [600, 500]]
    frame = {"image": about, "annotations": [{**each, "segments": [box]} for each in (cup, hand)]}
    photo(folder / "images" / "P01_01" / "a.jpg", orientation, (90, 160))
    content = {"video_annotations": [frame]}
    return {"annotations": write(folder / "train" / "P01_01.json", content), "images": folder / "images"}


def hd_epic(folder, orientation):
    photo(folder / "images" / "v" / "000031.jpg", orientation)
    photo(folder / "masks" / "m.png", 1)
    track = {"track_id": "t", "time_segment": [1.0, 2.5], "masks": ["m"]}
    info = {"frame_number": 31, "bbox": [0, 0, W, H], "fixture": "Null"}
    return {
        "assoc_info": write(folder / "assoc.json", {"v": {"as1": {"name": "plate2", "tracks": [track]}}}),
        "mask_info": write(folder / "info.json", {"v": {"m": info}}),
        "masks": folder / "masks",
        "images": folder / "images",
    }


def ego4d(folder, orientation):
    photo(folder / "images" / "v" / "0000031.jpg", orientation)
    box = {"x": 8, "y": 8, "width": 16, "height": 20}
    cup = {"object_type": "object_of_change", "structured_noun": "cup", "bbox": box}
    frame = {"frame_type": "pnr_frame", "frame_number": 31, "boxes": [cup]}
    action = {"structured_verb": "wash", "frames": [frame]}
    video = {"video_uid": "v", "annotated_intervals": [{"narrated_actions": [action]}]}
    return {"annotations": write(folder / "fho.json", {"videos": [video]}), "images": folder / "images"}


def hoi4d(folder, orientation):
    sequence = folder / "ZY1" / "H1" / "C2"
    photo(sequence / "align_rgb" / "00000.jpg", orientation)
    mask = np.zeros((H, W, 3), np.uint8)
    mask[:9, :5] = (128, 0, 0)
    (sequence / "2Dseg" / "mask").mkdir(parents=True)
    Image.fromarray(mask).save(sequence / "2Dseg" / "mask" / "00000.png")
    with (folder / "label.csv").open("w", newline="") as file:
        labels = ["Category ID", *(f"Lable {number}" for number in range(1, 7))]
        csv.writer(file).writerows([labels, ["C2", "Mug", "", "", "", "", ""]])
    return {"annotations": folder, "images": folder, "labels": folder / "label.csv"}


def hot3d(folder, orientation):
    photo(folder / "a.jpg", orientation)
    mask = {"214-1": {"height": H, "width": W, "rle": [1, 9, W + 1, 9]}}
    objects = {"7": [{"masks_modal": mask, "masks_amodal": mask}]}
    contents = {
        "000000.image_214-1.jpg": (folder / "a.jpg").read_bytes(),
        "000000.objects.json": json.dumps(objects).encode(),
    }
    clips = _tar(folder / "clips" / "clip-1.tar", contents)
    return {"clips": clips, "names": write(folder / "names.json", {"7": "mug"})}


def shards(folder, orientation):
    photo(folder / "a.jpg", orientation)
    sample = {
        "instruction": "the cup", "phrases": [{"text": "cup", "masks": [COLUMN]}], "boxes_only": False,
        "ignore": [COLUMN], "record": "7", "source": "coco", "split": "", "labels": {"cardinality": "one"},
    }  # fmt: skip
    entry = {"image": "a.jpg", "height": H, "width": W, "samples": [sample]}
    contents = {"0.jpg": (folder / "a.jpg").read_bytes(), "0.json": json.dumps(entry).encode()}
    return {"path": _tar(folder / "shards" / "0.tar", contents)}


def scenes(folder, orientation):
    return {"root": DATA / "scenes", "views": 2}


SETS = {
    "coco": coco, "detections": detections, "ego4d": ego4d,
    "egoobjects": lvis, "grefcoco": grefcoco, "hd_epic": hd_epic, "hmpl": hmpl,
    "hoi4d": hoi4d, "hot3d": hot3d, "inst2seg": inst2seg, "lvis": lvis, "paco": paco,
    "reasonseg": reasonseg, "refcoco": refcoco, "refcoco_ap": refcoco_ap, "refzom": refzom,
    "roborefit": roborefit, "scenes": scenes, "shards": shards, "visor": visor,
}  # fmt: skip
"""Per format a function of a folder and an EXIF orientation that writes a set and returns its settings."""


def _refs(folder, orientation, *refs):
    settings = coco(folder, orientation)
    (folder / "refs.p").write_bytes(pickle.dumps(refs and list(refs)))
    return {**settings, "annotations": folder / "refs.p", "instances": settings["annotations"]}


def _tar(path, contents):
    path.parent.mkdir()
    with tarfile.open(path, "w") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path
