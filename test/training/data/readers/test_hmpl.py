import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.readers import hmpl
from test.training.data import coco_files as files

TEXTS = {
    "concept": ["cup"],
    "simple_query": ["segment the left cup", "The cup by the wall."],
    "complex_query": ["which item would hold my coffee"],
}


def group(number=1, name="a.jpg", texts=TEXTS, **changes):
    return {"id": number, "file_name": name, "width": files.W, "height": files.H, "queried_category": "1",
            "text_inst_input": texts, **changes}  # fmt: skip


def settings(folder, groups, annotations=None, name="HMPL-Instruct_1to1", **options):
    members = [files.annotation(1, segmentation=files.COLUMN)] if annotations is None else annotations
    path = files.instances(folder / name, images=groups, annotations=members)
    return hmpl.Settings(path, folder / name / "images", **options)


def read(*args, **options):
    return list(hmpl.read(settings(*args, **options), BrokenRecords()))


def test_every_text_is_a_sample_with_its_level_and_the_masks_of_its_group(tmp_path):
    samples = read(tmp_path, [group()])
    assert [(s.instruction, s.labels["level"]) for s in samples] == [
        ("cup", "concept"),
        ("segment the left cup", "simple"),
        ("The cup by the wall.", "simple"),
        ("which item would hold my coffee", "complex"),
    ]
    assert {s.phrases[0].text for s in samples} == {"cup"}
    assert samples[2].record == "image 1.simple_query[1]"
    assert (samples[0].image, samples[0].source) == ("a.jpg", "hmpl")
    for sample in samples:
        assert sample.masks().shape == (1, files.H, files.W)
        assert sample.masks()[0, :, 0].all()


def test_the_release_evaluates_the_first_text_of_each_level(tmp_path):
    samples = read(tmp_path, [group()], first_text=True)
    assert [s.instruction for s in samples] == [
        "cup",
        "segment the left cup",
        "which item would hold my coffee",
    ]


@pytest.mark.parametrize(
    ("folder", "annotations", "cardinality"),
    [
        ("HMPL-Instruct_1to1", 1, "one"),
        ("HMPL-Instruct_1toN", 1, "many"),
        ("HMPL-Instruct_1toAll", 2, "all"),
        ("RefCOCO", 1, "one"),
        ("RefCOCO", 2, "many"),
        ("RefCOCO", 0, "none"),
        ("HMPL-Instruct_1to1", 0, "one"),
    ],
)
def test_the_folder_names_the_cardinality_and_else_the_masks_do(tmp_path, folder, annotations, cardinality):
    members = [files.annotation(number) for number in range(annotations)]
    groups = [group(), group(2, "b.jpg", {"concept": []})]
    samples = read(tmp_path, groups, [*members, files.annotation(9, image=2)], name=folder)
    assert {s.labels["cardinality"] for s in samples} == {cardinality}
    assert {s.masks().shape for s in samples} == {(annotations, files.H, files.W)}


def test_groups_on_one_image_follow_each_other_and_keep_their_own_masks(tmp_path):
    texts = {"concept": ["x"]}
    groups = [group(1, texts=texts), group(2, "b.jpg", texts=texts), group(3, texts=texts)]
    members = [files.annotation(7, image=3), files.annotation(8, segmentation=files.COLUMN, image=1)]
    samples = read(tmp_path, groups, members)
    assert [(s.image, s.record) for s in samples] == [
        ("a.jpg", "image 1.concept[0]"),
        ("a.jpg", "image 3.concept[0]"),
        ("b.jpg", "image 2.concept[0]"),
    ]
    assert [s.masks().sum() for s in samples] == [files.H, 320, 0]


def test_the_instruction_is_the_phrase_where_no_concept_is_given(tmp_path):
    (sample,) = read(tmp_path, [group(texts={"concept": [], "simple_query": ["The left cup."]})])
    assert sample.phrases[0].text == "the left cup"


def test_the_size_is_that_of_the_file_where_a_group_has_none(tmp_path):
    (sample,) = read(tmp_path, [{"id": 1, "file_name": "a.jpg", "text_inst_input": {"concept": ["cup"]}}])
    assert sample.masks().sum() == files.H


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (group(2, texts=None), "image 2: text_inst_input must hold lists"),
        (group(2, texts={"concept": "cup"}), "image 2: text_inst_input must hold lists"),
        (group(2, texts={"concept": [" "]}), "image 2.concept[0]: the instruction is empty"),
        (group(2, texts={"simple_query": [3]}), "image 2.simple_query[0]: the instruction is a int"),
        (group(2, texts={"concept": [3]}), "image 2.concept[0]: the instruction is a int"),
        (group(2, "../a.jpg"), "leads out"),
        (group(2, "c.jpg"), "no image"),
        (group(2, None), "names no file for image 2"),
        (group(2, width=0), "integers in 1..65535"),
        ({"file_name": "a.jpg"}, "images[1]: expected an object with an integer id"),
    ],
)
def test_a_broken_group_is_named_and_skipped(tmp_path, broken, message):
    (problem,) = files.problems(hmpl, settings(tmp_path, [group(), broken]))
    assert message in problem


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (files.annotation(2, image=9), "annotation 2: its image_id is of no image"),
        (files.annotation(2, image=[1]), "annotation 2: its image_id is of no image"),
        (files.annotation(2, segmentation=None, image=2), "image 2: annotation 2 has no pixel"),
        (
            files.annotation(2, segmentation={"size": [1, 1], "counts": [1]}, image=2),
            "image 2: an RLE has size",
        ),
    ],
)
def test_a_broken_annotation_is_named(tmp_path, broken, message):
    members = [files.annotation(1, segmentation=files.COLUMN), broken]
    (problem,) = files.problems(hmpl, settings(tmp_path, [group(), group(2, "b.jpg")], members))
    assert message in problem


def test_files_of_another_form_are_errors(tmp_path):
    with pytest.raises(InvalidInputError, match="has no images"):
        list(hmpl.read(hmpl.Settings(files.write(tmp_path / "a", {}), tmp_path), BrokenRecords()))
    with pytest.raises(InvalidInputError, match="no image folder"):
        list(hmpl.read(hmpl.Settings(tmp_path / "a", tmp_path / "none"), BrokenRecords()))


def test_a_record_is_one_meaning_and_may_have_a_phrase(tmp_path):
    texts = {"simple_query": ["the left cup", "the cup by the wall"]}
    groups = [group(texts=texts, phrase="cup"), group(2, texts=texts)]
    members = [files.annotation(n, image_id=n, segmentation=files.COLUMN) for n in (1, 2)]
    samples = read(tmp_path, groups, members)
    assert [s.phrases[0].text for s in samples] == ["cup", "cup", *texts["simple_query"]]
    assert samples[0].meaning == samples[1].meaning != samples[2].meaning
