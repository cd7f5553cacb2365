import pytest

from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import paco
from test.training.data.coco_files import H, W, annotation, phrases, samples_of, write_set

NAMES = {1: "mug", 2: "glass_(drink_container):base", 3: "mug:handle", 4: "bowl"}
RED, DARK_RED, LIGHT_BLUE, OTHER, STRIPED = range(5)
ATTRIBUTES = ["red", "dark_red", "light_blue", "other(color)", "striped"]
COLORED = ("red", "blue")


def mug(number, left, *attributes, **changes):
    return annotation(number, 1, left, 8, left + 4, 28, attribute_ids=list(attributes), **changes)


@pytest.fixture
def read(tmp_path):
    def read(annotations, **changes):
        entry = {"id": 1, "file_name": "a.jpg", "width": W, "height": H, "neg_category_ids": [4], **changes}
        attributes = [{"id": number, "name": name} for number, name in enumerate(ATTRIBUTES)]
        write_set(tmp_path, annotations, NAMES, [entry], attributes=attributes)
        broken = BrokenRecords(max_share=1)
        return samples_of(paco, tmp_path, broken), broken.problems

    return read


def colored(samples):
    return {noun for noun in phrases(samples) if any(color in noun for color in COLORED)}


def test_objects_parts_and_absent_categories(read):
    samples, problems = read([annotation(1, 2), annotation(2, 3)])
    assert phrases(samples) == {"glass base", "mug handle"}
    assert phrases(samples, "none") == {"bowl"}
    assert not problems


def test_colors_single_out_objects(read):
    samples, _ = read([mug(1, 4, RED, STRIPED), mug(2, 20, RED), mug(3, 40, LIGHT_BLUE)])
    assert phrases(samples) == {"mug", "red mug", "light blue mug"}
    assert len(samples["the three mugs"].masks()) == 3
    assert len(samples["the two red mugs"].masks()) == 2
    assert samples["the light blue mug"].masks()[0, 10, 40:44].all()
    assert {s.source for s in samples.values()} == {"paco"}


def test_a_shade_makes_its_color_ambiguous(read):
    samples, _ = read([mug(1, 4, RED), mug(2, 20, DARK_RED)])
    assert colored(samples) == {"dark red mug"}


def test_an_object_of_several_colors_makes_them_ambiguous(read):
    samples, _ = read([mug(1, 4, RED, LIGHT_BLUE), mug(2, 20, RED), mug(3, 40, DARK_RED)])
    assert colored(samples) == {"dark red mug"}


@pytest.mark.parametrize(
    "unknown", [mug(2, 20), mug(2, 20, OTHER), mug(2, 20, RED, unknown_color=1), annotation(2, 1, 20)]
)
def test_no_colors_where_one_is_unknown(read, unknown):
    samples, problems = read([mug(1, 4, RED), unknown])
    assert phrases(samples) == {"mug"}
    assert not problems


def test_an_object_with_a_box_and_no_mask_is_not_named(read):
    samples, problems = read([mug(1, 4, RED), mug(2, 20, RED, segmentation=[]), annotation(3, 3)])
    assert phrases(samples) == {"mug handle"}
    assert not problems


def test_damaged_attributes_are_reported(read):
    samples, problems = read([annotation(1, 1, attribute_ids="red"), annotation(2, 3)])
    assert phrases(samples) == {"mug handle"}
    assert "annotations[0]: attribute_ids is not a list of ids" in problems[0]
