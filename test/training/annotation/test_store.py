"""Nobody overwrites anybody."""

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.annotation.store import (
    Annotation,
    AnnotationStore,
    Judgement,
    StaleError,
    Verdicts,
)


def annotation(person="ann", revision=0, text="a mug"):
    subset = {"id": "s1", "points": [{"x": 1, "y": 2, "instance": 3}], "referring": text, "reasoning": "x"}
    return Annotation(item="i", person=person, revision=revision, subsets=[subset])


def verdicts(of_revision, verdict="reject"):
    judgements = {"s1": Judgement(verdict=verdict)}
    return Verdicts(item="i", author="ann", person="bob", of_revision=of_revision, judgements=judgements)


def test_people_have_files_of_their_own_and_revisions(tmp_path):
    store = AnnotationStore(tmp_path)
    assert store.save(annotation()).revision == 1
    assert store.save(annotation("bob", text="of bob")).revision == 1
    with pytest.raises(StaleError):
        store.save(annotation(text="of another tab"))
    assert store.save(annotation(revision=1, text="again")).revision == 2
    assert [each.subsets[0].referring for each in store.annotations()] == ["again", "of bob"]


def test_a_save_that_is_sent_again_is_no_conflict(tmp_path):
    store = AnnotationStore(tmp_path)
    assert store.save(annotation()).revision == store.save(annotation()).revision == 1
    assert store.judge(verdicts(1)).revision == store.judge(verdicts(1)).revision == 1
    with pytest.raises(StaleError):
        store.judge(verdicts(1, "accept"))


def test_a_rejection_holds_for_the_revision_that_was_seen(tmp_path):
    store = AnnotationStore(tmp_path)
    store.save(annotation())
    assert len(list(store.accepted())) == 1
    store.judge(verdicts(1))
    assert not list(store.accepted())
    store.save(annotation(revision=1, text="a better text"))
    assert len(list(store.accepted())) == 1
    with pytest.raises(InvalidInputError, match="their own"):
        store.judge(verdicts(1).model_copy(update={"person": "ann"}))


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "a" * 99])
def test_names_are_no_paths(name):
    with pytest.raises(ValueError, match="person"):
        annotation(name)


def test_a_damaged_file_is_named(tmp_path):
    store = AnnotationStore(tmp_path)
    store.save(annotation())
    path = next(tmp_path.glob("annotations/ann/*.json"))
    path.write_text("{}")
    with pytest.raises(InvalidInputError, match="damaged"):
        store.annotations()
