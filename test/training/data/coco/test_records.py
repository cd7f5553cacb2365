import pytest
from PIL import ExifTags, Image

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.coco.records import image_size, integer_id, records, segmentation_rles
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.mask_codec import decode_masks
from test.training.data.coco_files import COLUMN, H, W, polygon, write


def test_elements_come_with_their_places_and_a_byte_order_mark_is_no_damage(tmp_path):
    path = tmp_path / "set.json"
    path.write_text('{"info": 3, "images": [5, 6], "empty": [], "annotations": [7]}', encoding="utf-8-sig")
    assert list(records(path)) == [
        ("info", "info[0]", 3),
        ("images", "images[0]", 5),
        ("images", "images[1]", 6),
        ("annotations", "annotations[0]", 7),
    ]
    with pytest.raises(InvalidInputError, match="expected an object"):
        list(records(write(tmp_path / "list.json", [])))


@pytest.mark.parametrize("element", [7, {}, {"id": "1"}, {"id": True}, {"id": 1.0}])
def test_what_is_no_integer_is_no_id(element):
    with pytest.raises(InvalidInputError, match="expected an object with an integer id"):
        integer_id(element, "id")


def test_the_stored_pixels_stand_in_for_a_missing_size(tmp_path):
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (W, H)).save(tmp_path / "a.jpg", exif=turned)
    image = ImageFile(tmp_path / "a.jpg")
    assert image.size() == (W, H)
    assert image_size({}, image) == (H, W)
    assert image_size({"height": 5, "width": 4}, image) == (5, 4)
    with pytest.raises(InvalidInputError, match="height 5 and width None must be integers"):
        image_size({"height": 5}, image)


@pytest.mark.parametrize(
    ("segmentation", "areas"),
    [
        ([], []),
        (None, []),
        (COLUMN, [H]),
        ([polygon(0, 0, 4, 4), polygon(10, 0, 14, 4)], [32]),
        ([polygon(3, 3, 3, 3)], []),
    ],
)
def test_an_annotation_is_one_object_or_none(segmentation, areas):
    rles = segmentation_rles({"segmentation": segmentation}, H, W)
    assert decode_masks(rles, H, W).sum((1, 2)).tolist() == areas
