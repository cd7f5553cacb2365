"""Shards keep what is known about the nouns of an image."""

from dataclasses import replace

import numpy as np
import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.conversion import convert
from instructsam_ros.training.data.noun_instructions import Entity, NounLabels, noun_samples
from instructsam_ros.training.data.registry import parse_data_set
from instructsam_ros.training.data.sample import Phrase
from instructsam_ros.training.data.shard_labels import labels_entry, read_labels
from test.training.data.writers.memory_set import MemorySet, image_file, random_masks, sample

NOUNS = ("exhaustive", "absent", "ambiguous", "classes")


def labels_of(size):
    masks = random_masks(size, 4)
    masks[3] = False
    cup, fork, plate, unseen = (lambda n=n: masks[n : n + 1] for n in range(4))
    return NounLabels(
        entities=(Entity("cup", cup, (0.25, 0.5)), Entity("fork", fork), Entity("spoon", unseen)),
        exhaustive=frozenset({"cup", "spoon"}),
        absent=frozenset({"knife", "bowl"}),
        ambiguous=frozenset({"plate"}),
        others=(Entity("plate", plate),),
        classes=frozenset({"cup", "fork", "plate", "knife", "bowl", "pan", "spoon"}),
    )


def shards_of(samples, folder):
    values, broken = convert([MemorySet(samples)], folder, "shards")
    assert not broken.problems
    again = BrokenRecords()
    found = list(parse_data_set(values, "test").read(again))
    assert not again.problems
    return found


@pytest.mark.parametrize("orientation", [1, 6])
def test_labels_survive_shards(tmp_path, orientation):
    image = image_file(tmp_path, orientation)
    labels = labels_of(image.size())
    template = replace(sample(image, random_masks(image.size())), phrases=(Phrase("", image.no_masks),))
    before = list(noun_samples(labels, template, 6, 0))
    after = shards_of(before, tmp_path / "out")
    assert len(after) == len(before) >= 3
    for old, new in zip(before, after, strict=True):
        assert (new.instruction, new.labels) == (old.instruction, old.labels)
        seen = old.masks().any((1, 2))
        assert np.array_equal(new.masks(), old.masks()[seen])
        assert {name: getattr(new.nouns, name) for name in NOUNS} == {
            "exhaustive": labels.exhaustive,
            "absent": labels.absent,
            "ambiguous": {"plate", "spoon"},  # a spoon that has no pixel can be no answer
            "classes": labels.classes,
        }
        for name, count in (("entities", 2), ("others", 1)):
            kept = getattr(new.nouns, name)
            assert len(kept) == count
            for one, other in zip(getattr(labels, name), kept, strict=False):
                assert (other.noun, other.span) == (one.noun, one.span)
                assert np.array_equal(other.masks(), one.masks())


def test_samples_without_labels_stay_without(tmp_path):
    image = image_file(tmp_path)
    (found,) = shards_of([sample(image, random_masks(image.size()))], tmp_path / "out")
    assert found.nouns is None


def test_labels_with_a_mask_that_cannot_be_read_are_left_out_whole(tmp_path):
    image = image_file(tmp_path)
    labels = labels_of(image.size())
    wrong = Entity("fork", lambda: np.ones((1, 2, 2), bool))
    known = replace(labels, entities=(*labels.entities, wrong))
    (found,) = shards_of([sample(image, random_masks(image.size()), nouns=known)], tmp_path / "out")
    assert found.nouns is None


@pytest.mark.parametrize(
    "damage",
    [
        {"entities": None},
        {"entities": [{"noun": "cup", "span": None}]},
        {"entities": [{"noun": 3, "span": None, "mask": {"size": [12, 16], "counts": "PPP"}}]},
        {"absent": [1]},
        {"classes": 1},
    ],
)
def test_damaged_labels_are_refused(tmp_path, damage):
    image = image_file(tmp_path)
    entry = labels_entry(NounLabels(()), lambda read: ())
    assert read_labels(entry, image.size(), image) == NounLabels(())
    with pytest.raises(InvalidInputError):
        read_labels({**entry, **damage}, image.size(), image)
