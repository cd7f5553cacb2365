import numpy as np
import pytest
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.readers.hd_epic.tracks import (
    MaskedObject,
    MaskInfo,
    Track,
    parse_mask_info,
    parse_tracks,
)

TRACK = {"track_id": "t", "time_segment": [1, 2.5], "masks": ["f1", "f2"]}


def test_tracks_of_both_generations():
    earlier = {"track_id": "t", "time_segment": [1, 2.5], "all_frames": ["f1", "f2"]}
    expected = [Track("as1", "plate", 1.0, 2.5, ("f1", "f2"))]
    assert list(parse_tracks("as1", {"name": "plate2", "tracks": [TRACK]})) == expected
    assert list(parse_tracks("as1", {"name": "plate2", "tracks": [earlier]})) == expected


@pytest.mark.parametrize(
    "entry",
    [
        None,
        {"tracks": [TRACK]},
        {"name": 3, "tracks": [TRACK]},
        {"name": "mug", "tracks": [{**TRACK, "time_segment": [1]}]},
        {"name": "mug", "tracks": [{**TRACK, "masks": None}]},
        {"name": "mug", "tracks": [{"time_segment": [1, 2]}]},
        {"name": "mug", "tracks": None},
    ],
)
def test_other_associations_are_errors(entry):
    with pytest.raises(InvalidInputError, match="no association of a name and tracks"):
        list(parse_tracks("as1", entry))


@pytest.mark.parametrize(
    ("fixture", "kind"), [("P01_counter.001", "counter"), ("Null", ""), (None, ""), ("P12_bin", "bin")]
)
def test_the_description_of_a_mask(fixture, kind):
    entry = {"frame_number": 31, "3d_location": [0, 0, 0], "bbox": [1, 2, 3, 4.5], "fixture": fixture}
    assert parse_mask_info(entry) == MaskInfo(31, (1.0, 2.0, 3.0, 4.5), kind)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (None, "no description of a mask"),
        ({"frame_number": 1, "bbox": [10**400, 2, 3, 4]}, "no description of a mask"),
        ({"frame_number": 1}, "no description of a mask"),
        ({"frame_number": 1, "bbox": [1, 2, 3]}, "no description of a mask"),
        ({"frame_number": -1, "bbox": [1, 2, 3, 4]}, "frame_number -1"),
        ({"frame_number": 1.5, "bbox": [1, 2, 3, 4]}, "frame_number 1.5"),
    ],
)
def test_other_descriptions_are_errors(entry, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_mask_info(entry)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_masks_of_every_kind_of_png_turn_with_the_image(tmp_path, mode):
    truth = np.zeros((20, 30), np.uint8)
    truth[2:5, 4:10] = 255
    mask = Image.fromarray(truth)
    mask.convert(mode).save(tmp_path / "m.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    found = MaskedObject(
        "as1",
        "mug",
        ImageFile(tmp_path / "a.jpg"),
        ImageFile(tmp_path / "m.png"),
        MaskInfo(0, (0, 0, 1, 1), ""),
    )
    assert np.array_equal(found.masks(), truth[None, ::-1, ::-1] > 0)


@pytest.mark.parametrize(
    ("box", "agrees"),
    [((4, 2, 10, 5), True), ((4, 2, 12, 6), True), ((6, 2, 14, 5), False), ((20, 9, 25, 15), False)],
)
def test_masks_that_disagree_with_their_box(tmp_path, box, agrees):
    mask = np.zeros((20, 30), np.uint8)
    mask[2:5, 4:10] = 1
    Image.fromarray(mask).save(tmp_path / "m.png")
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    files = ImageFile(tmp_path / "a.png"), ImageFile(tmp_path / "m.png")
    assert MaskedObject("as1", "mug", *files, MaskInfo(0, box, "")).agrees() == agrees
    Image.fromarray(mask * 0).save(tmp_path / "m.png")
    assert not MaskedObject("as1", "mug", *files, MaskInfo(0, box, "")).agrees()
