import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.hand_instructions import Hand
from instructsam_ros.training.data.readers.visor.annotations import (
    corrected,
    hands_of,
    parse_annotation,
    unknown_contacts,
)

SQUARE = [[[10.0, 10.0], [50.0, 10.0], [50.0, 50.0]]]


def annotation(key, name, **changes):
    entry = {"id": key, "name": name, "class_id": 1, "exhaustive": "y", "segments": SQUARE, **changes}
    return parse_annotation(entry, 1080, 1920)


MUG = annotation("m", "mug")


def hand(contact, side="left", **changes):
    return annotation(side, f"{side} hand", in_contact_object=contact, **changes)


def glove(contact, sides, key="g", **changes):
    return annotation(key, "rubber glove", in_contact_object=contact, on_which_hand=sides, **changes)


@pytest.mark.parametrize(
    ("contact", "is_certain", "touches"),
    [
        ("m", True, 0),
        ("hand-not-in-contact", True, None),
        ("none-of-the-above", False, None),
        ("inconclusive", False, None),
        (None, False, None),
        ("gone", False, None),
        ("left", False, None),
    ],
)
def test_contact_of_a_hand(contact, is_certain, touches):
    assert hands_of([MUG, hand(contact)]) == (Hand("left", 1, is_certain, touches),)


def test_a_missing_contact_is_uncertain():
    entry = {"id": "l", "name": "left hand", "class_id": 300, "segments": SQUARE}
    assert hands_of([parse_annotation(entry, 1080, 1920)]) == (Hand("left", 0, False),)


def test_what_is_touched_out_of_sight_is_uncertain():
    assert hands_of([annotation("m", "mug", segments=[[]]), hand("m")]) == (Hand("left", 1, False),)


def test_two_objects_with_the_id_are_uncertain():
    assert hands_of([MUG, MUG, hand("m")]) == (Hand("left", 2, False),)


def test_a_hand_that_touches_the_other_hand_is_uncertain():
    assert hands_of([hand("right"), hand("hand-not-in-contact", "right")])[0] == Hand("left", 0, False)


def test_the_hands_of_two_people_are_left_out():
    assert hands_of([MUG, hand("m"), hand("m")]) == ()


@pytest.mark.parametrize("sides", [["left hand"], "left hand"])
@pytest.mark.parametrize("contact", ["m", "glove-not-in-contact"])
def test_a_worn_glove_touches_for_the_hand(sides, contact):
    touches = 0 if contact == "m" else None
    assert hands_of([MUG, glove(contact, sides)]) == (Hand("left", None, True, touches),)
    assert hands_of([MUG, glove(contact, sides), hand("g")]) == (Hand("left", 2, True, touches),)


def test_a_hand_and_its_glove_that_disagree_are_uncertain():
    assert hands_of([MUG, glove("m", ["left hand"]), hand("hand-not-in-contact")]) == (
        Hand("left", 2, False),
    )


def test_a_misspelt_side():
    assert hands_of([MUG, glove("m", ["rigth hand"])]) == (Hand("right", None, True, 0),)


@pytest.mark.parametrize("sides", [None, [], ["unknown"], [None]])
def test_a_glove_on_no_hand_is_an_object(sides):
    assert hands_of([glove("glove-not-in-contact", sides), hand("g")]) == (Hand("left", 1, True, 0),)


def test_a_pair_of_gloves_does_not_tell_which_hand_touches():
    assert [each.is_certain for each in hands_of([MUG, glove("m", ["left hand", "right hand"])])] == [
        False
    ] * 2


def test_a_glove_whose_contact_is_null_is_uncertain():
    assert hands_of([MUG, glove(None, ["left hand"])]) == (Hand("left", None, False),)


def test_fixes_replace_the_contact_of_hands():
    fixed = corrected([MUG, hand("gone")], {"left hand": "m"})
    assert hands_of(fixed) == (Hand("left", 1, True, 0),)
    assert [each.id for each in unknown_contacts([MUG, hand("gone")])] == ["left"]
    assert list(unknown_contacts(fixed)) == []


def test_names_are_readable_and_hands_known_by_their_class():
    assert annotation("b", "board:chopping").noun == "chopping board"
    assert annotation("h", "hand:right").noun == "right hand"
    assert annotation("h", "hand", class_id=301).noun == "right hand"


@pytest.mark.parametrize("exhaustive", ["n", "inconclusive", None])
def test_only_y_is_exhaustive(exhaustive):
    assert MUG.is_exhaustive
    assert not annotation("m", "mug", exhaustive=exhaustive).is_exhaustive


def test_what_lies_beside_the_image_is_not_seen():
    assert annotation("m", "mug", segments=[[[-50, 5], [-10, 5], [-10, 50]]]).polygons == ()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (7, "no object"),
        ({"id": "a", "segments": []}, "no id and name"),
        ({"id": 3, "name": "mug", "segments": []}, "no id and name"),
        ({"id": "a", "name": " ", "segments": []}, "no id and name"),
        ({"id": "a", "name": "mug"}, "no list of polygons"),
        (
            {"id": "a", "name": "left hand", "segments": [], "in_contact_object": 3},
            "in_contact_object is a int",
        ),
    ],
)
def test_damaged_annotations_are_errors(entry, message):
    with pytest.raises(InvalidInputError, match=message):
        parse_annotation(entry, 1080, 1920)
