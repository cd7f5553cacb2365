import pytest
from PIL import Image

from instructsam_ros.training.data.hand_instructions import Action
from instructsam_ros.training.data.image_files import ImageFile
from instructsam_ros.training.data.readers.visor.annotations import parse_annotation
from instructsam_ros.training.data.readers.visor.instructions import frame_samples
from instructsam_ros.training.data.sample import Phrase, Sample

SIZE = (1080, 1920)


def entity(key, name, *boxes, **changes):
    segments = [[[x, y], [x + 99, y], [x + 99, y + 99], [x, y + 99]] for x, y in boxes]
    entry = {"id": key, "name": name, "class_id": 13, "exhaustive": "y", "segments": segments, **changes}
    return parse_annotation(entry, *SIZE)


def hand(side, x, contact):
    return entity(side, f"{side} hand", (x, 600), class_id=300 + (side == "right"), in_contact_object=contact)


@pytest.fixture
def read(tmp_path):
    """Makes all samples of a frame with the given entities, by instruction."""
    Image.new("RGB", (192, 108)).save(tmp_path / "a.jpg")
    image = ImageFile(tmp_path / "a.jpg")
    template = Sample("a.jpg", image.read, "", (Phrase("", image.no_masks),))

    def read(*annotations, **options):
        return {
            sample.instruction: sample
            for seed in range(30)
            for sample in frame_samples(annotations, image, SIZE, template, 20, seed, **options)
        }

    return read


def about(samples, kind):
    return [sample for sample in samples.values() if sample.labels["kind"] == kind]


def test_what_a_hand_touches_and_that_a_free_hand_touches_nothing(read):
    cup = entity("c", "cup", (300, 600))
    samples = read(cup, hand("left", 200, "c"), hand("right", 1500, "hand-not-in-contact"))
    touched = [s for s in about(samples, "contact") if "left hand" in s.instruction]
    assert {s.phrases[0].text for s in touched} == {"cup"}
    assert {int(s.masks().sum()) for s in touched} == {100}
    free = [s for s in about(samples, "contact") if "right hand" in s.instruction]
    assert {s.masks().shape for s in free} == {(0, 108, 192)}


def test_things_in_the_hand_are_those_of_a_class_that_is_held(read):
    cup = entity("c", "cup", (300, 600)), hand("left", 200, "c")
    assert not any("in the left hand" in text or "holds" in text for text in read(*cup))
    assert any("in the left hand" in text or "holds" in text for text in read(*cup, held=frozenset({13})))


@pytest.mark.parametrize(("x", "named"), [(1200, True), (330, False)])
def test_an_object_near_a_hand_may_be_touched_without_a_label(read, x, named):
    samples = read(
        entity("c", "cup", (x, 600)),
        hand("left", 200, "hand-not-in-contact"),
        hand("right", 1700, "hand-not-in-contact"),
    )
    assert any("neither hand" in text or "no hand" in text for text in samples) == named


def test_parts_far_apart_may_be_several_objects(read):
    samples = read(entity("c", "cup", (0, 0), (900, 0)), entity("f", "fork", (0, 500), (120, 500)))
    labelled = {s.phrases[0].text for s in samples.values() if s.labels.get("instances") == "maybe several"}
    assert labelled == {"cup"}


def test_nouns_that_are_not_exhaustive_or_damaged_are_not_named(read):
    samples = read(
        entity("c", "cup", (0, 0), exhaustive="n"),
        entity("f", "fork", (0, 500)),
        entity("s", "spoon", (500, 500)),
        damaged=frozenset({"fork"}),
    )
    assert {sample.phrases[0].text for sample in samples.values()} == {"spoon"}


def test_what_is_being_done(read):
    samples = read(entity("c", "cup", (0, 0)), actions=[Action("wash", "cup")])
    assert about(samples, "action")
    assert all("being washed" in sample.instruction for sample in about(samples, "action"))
