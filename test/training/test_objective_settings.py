"""Settings of losses and adapters have ranges; a loss follows the model's procedure unless told otherwise."""

import pytest

from instructsam_ros.models.instructsam.inference_mode import PAPER, RELEASED
from instructsam_ros.training.objective_settings import LoraSettings, LossSettings, SceneLossSettings


def test_values_out_of_range_are_refused():
    for kind, values in ((SceneLossSettings, {"mask": -1.0}), (LoraSettings, {"r": 0})):
        with pytest.raises(ValueError, match="must be at least"):
            kind(**values)


def test_the_procedure_is_that_of_the_model_unless_it_is_set():
    assert LossSettings().mode(PAPER) is PAPER
    assert LossSettings(procedure="released").mode(PAPER) == RELEASED
