"""Quaternions and rotation matrices, beside SciPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting.rotation import quaternion, rotation_matrix

SEEDS = st.integers(0, 2**32 - 1)


@given(SEEDS)
def test_a_rotation_matrix_has_the_quaternion_that_scipy_finds(seed):
    rotation = Rotation.random(random_state=seed)
    turn = quaternion(rotation.as_matrix())
    np.testing.assert_allclose(turn, rotation.as_quat(canonical=True), atol=1e-9)
    np.testing.assert_allclose(rotation_matrix(turn), rotation.as_matrix(), atol=1e-12)


@given(SEEDS, st.floats(1e-3, 1e3))
def test_a_quaternion_may_have_any_length(seed, length):
    rotation = Rotation.random(random_state=seed)
    np.testing.assert_allclose(rotation_matrix(rotation.as_quat() * length), rotation.as_matrix(), atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_turns(axis):
    rotation = -np.eye(3)
    rotation[axis, axis] = 1
    np.testing.assert_allclose(rotation_matrix(quaternion(rotation)), rotation, atol=1e-12)


def test_zeros_are_no_rotation():
    with pytest.raises(InvalidInputError, match="no rotation"):
        rotation_matrix([0.0, 0.0, 0.0, 0.0])
