from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting.rays import back_project, pixel_rays, project
from instructsam_ros.types import CameraModel

small = st.floats(-0.05, 0.05)
# Coefficients for which the radius grows all over the image, as it does with every real lens.
LENSES = st.one_of(
    st.just(("", ())),
    st.just(("plumb_bob", ())),
    st.tuples(
        st.just("plumb_bob"),
        st.tuples(
            st.floats(-0.1, 0.2),
            st.floats(-0.02, 0.02),
            st.floats(-0.003, 0.003),
            st.floats(-0.003, 0.003),
            st.floats(-0.005, 0.005),
        ),
    ),
    st.tuples(
        st.just("rational_polynomial"),
        st.tuples(small, small, *[st.floats(-0.002, 0.002)] * 2, small, small, small, small),
    ),
    st.tuples(st.just("equidistant"), st.tuples(small, *[st.floats(-0.005, 0.005)] * 3)),
)


@st.composite
def cameras(draw):
    width = draw(st.integers(8, 64))
    height = draw(st.integers(4, width))
    focal = draw(st.floats(1.2, 3.0)) * width
    model, coefficients = draw(LENSES)
    return CameraModel(
        width,
        height,
        focal,
        focal * draw(st.floats(0.9, 1.1)),
        width * draw(st.floats(0.4, 0.6)),
        height * draw(st.floats(0.4, 0.6)),
        model,
        coefficients,
    )


@given(cameras(), st.floats(0.1, 20.0))
def test_a_pixel_projects_back_onto_itself(camera, metres):
    rays = pixel_rays(camera)
    points = back_project(np.full(rays.shape[:2], metres, np.float32), rays)
    pixels = project(points, camera).reshape(*rays.shape)
    v, u = np.mgrid[: camera.height, : camera.width]
    np.testing.assert_allclose(pixels, np.stack([u, v], -1), atol=0.01)


def test_distortion_matters():
    plain = CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0)
    bent = CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0, "plumb_bob", (-0.2, 0.05, 0.0, 0.0, 0.0))
    difference = np.linalg.norm(pixel_rays(plain) - pixel_rays(bent), axis=-1)
    assert difference[24, 32] < 1e-6
    assert difference[0, 0] > 0.01


def test_equidistant_angle_grows_with_radius():
    camera = CameraModel(101, 101, 50.0, 50.0, 50.0, 50.0, "equidistant", (0.0, 0.0, 0.0, 0.0))
    x, y = pixel_rays(camera)[50, 90]
    assert np.arctan(x) == pytest.approx(40 / 50, abs=1e-5)
    assert y == pytest.approx(0, abs=1e-6)


def test_pixels_outside_the_field_of_a_fisheye_have_no_ray():
    camera = CameraModel(201, 201, 50.0, 50.0, 100.0, 100.0, "equidistant", (0.0, 0.0, 0.0, 0.0))
    rays = pixel_rays(camera)
    assert np.isnan(rays[0, 0]).all()  # 162 degrees off the axis
    assert np.isfinite(rays[100, 160]).all()


def test_points_behind_the_camera_have_no_pixel():
    camera = CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0)
    pixels = project(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]), camera)
    np.testing.assert_array_equal(pixels[0], [32, 24])
    assert np.isnan(pixels[1]).all()


def test_rays_are_kept_and_read_only():
    camera = CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0)
    assert pixel_rays(camera) is pixel_rays(CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0))
    with pytest.raises(ValueError, match="read-only"):
        pixel_rays(camera)[0, 0] = 0


@pytest.mark.parametrize(
    ("model", "coefficients", "message"),
    [("kannala", (0.1,), "plumb_bob"), ("equidistant", (0.1, 0.2), "4"), ("plumb_bob", (0.1,), "4 or 5")],
)
def test_unknown_lenses_are_named(model, coefficients, message):
    with pytest.raises(InvalidInputError, match=message):
        pixel_rays(CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0, model, coefficients))
