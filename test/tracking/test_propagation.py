import numpy as np
import pytest

from instructsam_ros.errors import CheckpointError, InvalidInputError
from instructsam_ros.tracking.optical_flow import OpticalFlowPropagator
from instructsam_ros.tracking.propagation import check_next, check_start, load_propagator

RGB = np.zeros((20, 30, 3), np.uint8)
MASK = np.zeros((20, 30), bool)


def test_propagators_by_name(tmp_path):
    assert isinstance(load_propagator(), OpticalFlowPropagator)
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        load_propagator(str(tmp_path), device="cpu")


@pytest.mark.parametrize(
    ("masks", "ids", "message"),
    [
        ([MASK, MASK], [1], "2 masks need as many different ids"),
        ([MASK, MASK], [1, 1], "different ids"),
        ([MASK[:5]], [1], r"mask 1 is bool \(5, 30\); expected bool \(20, 30\)"),
        ([MASK.astype(np.uint8)], [4], "mask 4 is uint8"),
    ],
)
def test_what_does_not_fit_together_is_named(masks, ids, message):
    with pytest.raises(InvalidInputError, match=message):
        check_start(RGB, masks, ids)


def test_the_next_frame_has_the_size_of_the_one_before():
    check_next(RGB, (20, 30))
    with pytest.raises(InvalidInputError, match="call start"):
        check_next(RGB, None)
    with pytest.raises(InvalidInputError, match="the one before was"):
        check_next(RGB, (30, 20))
