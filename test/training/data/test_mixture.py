import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.mixture import Mixture, read_mixture
from instructsam_ros.training.data.registry import DataSet
from instructsam_ros.training.data.sample import Sample


def samples(*names):
    return [Sample(name, lambda: np.zeros((1, 1, 3), np.uint8), name, ()) for name in names]


def epoch(mixture, number=0):
    first = number * mixture.size
    return [mixture[position].image for position in range(first, first + mixture.size)]


def test_an_epoch_visits_every_sample_weight_times():
    mixture = Mixture([(samples("a", "b"), 1.0), (samples("c"), 3.0)], seed=0)
    assert mixture.size == 5
    assert sorted(epoch(mixture)) == sorted(epoch(mixture, 1)) == ["a", "b", "c", "c", "c"]


def test_of_the_fraction_of_a_weight_every_epoch_is_a_new_draw():
    mixture = Mixture([(samples(*"abcdefgh"), 0.5)], seed=0)
    drawn = [frozenset(epoch(mixture, number)) for number in range(20)]
    assert {len(names) for names in drawn} == {4}
    assert len(set(drawn)) > 1
    assert frozenset().union(*drawn) == set("abcdefgh")


@given(st.integers(0, 1 << 30), st.lists(st.integers(0, 200), min_size=1, max_size=9))
def test_a_position_depends_on_the_seed_alone(seed, positions):
    sets = [(samples(*"abcdef"), 1.5), (samples("x", "y"), 0.5)]
    one, other = Mixture(sets, seed), Mixture(sets, seed)
    assert [one[place] for place in positions] == [other[place] for place in reversed(positions)][::-1]


def test_orders_differ_between_epochs_and_seeds():
    mixtures = [Mixture([(samples(*"abcdefghij"), 1.0)], seed) for seed in (0, 1)]
    orders = [tuple(epoch(mixture, number)) for mixture in mixtures for number in (0, 1)]
    assert len(set(orders)) == 4


@pytest.mark.parametrize("sets", [[], [([], 1.0)], [(samples("a"), 0.1)]])
def test_a_mixture_of_nothing_is_an_error(sets):
    with pytest.raises(InvalidInputError, match="no instruction in the data sets"):
        Mixture(sets, seed=0)


def test_data_sets_are_read_with_their_weights(monkeypatch):
    monkeypatch.setattr(DataSet, "read", lambda self, broken: iter(samples(*self.settings)))
    mixture = read_mixture([DataSet("coco", "ab", 2.0), DataSet("lvis", "c")], seed=3)
    assert sorted(epoch(mixture)) == ["a", "a", "b", "b", "c"]
