"""Settings that every run has."""

import pytest

from instructsam_ros.training.run_settings import BestSettings, OptimizerSettings


def test_the_best_value_is_the_first_of_equals():
    best = BestSettings()
    assert best.improves(0.5, [])
    assert best.improves(0.5, [0.4])
    assert not best.improves(0.5, [0.5])
    assert BestSettings("loss", "min").improves(0.3, [0.4])


@pytest.mark.parametrize(
    "wrong", [{"beta2": 2.0}, {"timescale": 0}, {"cooldown_steps": -1}, {"warmup_steps": 0}]
)
def test_unfit_values_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        OptimizerSettings(**wrong)
