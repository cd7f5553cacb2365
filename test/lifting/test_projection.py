from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.lifting.projection import back_project, pixel_rays, project, visible_pixel
from instructsam_ros.types import CameraModel

small = st.floats(-0.05, 0.05)
tiny = st.floats(-0.002, 0.002)
RATIONAL = (small, small, tiny, tiny, small, small, small, small)
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
        st.sampled_from(["plumb_bob", "rational_polynomial"]),
        st.one_of(*(st.tuples(*RATIONAL, *[tiny] * more) for more in (0, 4, 6))),
    ),
    st.tuples(st.just("equidistant"), st.tuples(small, *[st.floats(-0.005, 0.005)] * 3)),
)


@st.composite
def intrinsics_models(draw):
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


@given(intrinsics_models(), st.floats(0.1, 20.0))
def test_a_pixel_projects_back_onto_itself(intrinsics, metres):
    rays = pixel_rays(intrinsics)
    points = back_project(np.full(rays.shape[:2], metres, np.float32), rays)
    pixels = project(points, intrinsics).reshape(*rays.shape)
    v, u = np.mgrid[: intrinsics.height, : intrinsics.width]
    np.testing.assert_allclose(pixels, np.stack([u, v], -1), atol=0.01)


@given(intrinsics_models(), st.integers(0, 10))
def test_zeros_after_the_coefficients_do_not_matter(intrinsics, zeros):
    padded = replace(intrinsics, distortion=(*intrinsics.distortion, *[0.0] * zeros))
    np.testing.assert_array_equal(pixel_rays(padded), pixel_rays(intrinsics))


@given(
    intrinsics_models().filter(lambda intrinsics: intrinsics.distortion_model not in ("", "equidistant")),
    st.data(),
)
def test_points_fall_where_opencv_projects_them(intrinsics, data):
    points = np.array(data.draw(st.lists(st.tuples(small, small, st.floats(0.1, 5.0)), min_size=1)))
    K = np.array([[intrinsics.fx, 0, intrinsics.cx], [0, intrinsics.fy, intrinsics.cy], [0, 0, 1]])
    expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, np.array(intrinsics.distortion))
    np.testing.assert_allclose(project(points, intrinsics), expected.reshape(-1, 2), atol=1e-6)


def test_distortion_matters():
    plain = CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0)
    bent = CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0, "plumb_bob", (-0.2, 0.05, 0.0, 0.0, 0.0))
    difference = np.linalg.norm(pixel_rays(plain) - pixel_rays(bent), axis=-1)
    assert difference[24, 32] < 1e-6
    assert difference[0, 0] > 0.01


def test_equidistant_angle_grows_with_radius():
    intrinsics = CameraModel(101, 101, 50.0, 50.0, 50.0, 50.0, "equidistant", (0.0, 0.0, 0.0, 0.0))
    x, y = pixel_rays(intrinsics)[50, 90]
    assert np.arctan(x) == pytest.approx(40 / 50, abs=1e-5)
    assert y == pytest.approx(0, abs=1e-6)


def test_pixels_outside_the_field_of_a_fisheye_have_no_ray():
    intrinsics = CameraModel(201, 201, 50.0, 50.0, 100.0, 100.0, "equidistant", (0.0, 0.0, 0.0, 0.0))
    rays = pixel_rays(intrinsics)
    assert np.isnan(rays[0, 0]).all()  # 162 degrees off the axis
    assert np.isfinite(rays[100, 160]).all()


def test_points_behind_the_camera_have_no_pixel():
    intrinsics = CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0)
    pixels = project(np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]), intrinsics)
    np.testing.assert_array_equal(pixels[0], [32, 24])
    assert np.isnan(pixels[1]).all()


def test_rays_are_kept_and_read_only():
    intrinsics = CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0)
    assert pixel_rays(intrinsics) is pixel_rays(CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0))
    with pytest.raises(ValueError, match="read-only"):
        pixel_rays(intrinsics)[0, 0] = 0


@pytest.mark.parametrize(
    ("model", "coefficients", "message"),
    [
        ("kannala", (0.1,), "plumb_bob"),
        ("equidistant", (0.1, 0.2), "4"),
        ("equidistant", (0.1, 0.2, 0.3, 0.4, 0.5), "takes 4 .* has 5"),
        ("plumb_bob", (0.1,), "4 or 5"),
        ("plumb_bob", (0.1, 0.0, 0.0, 0.0, 0.0, 0.2, 0.0), "has 7"),
    ],
)
def test_unknown_lenses_are_named(model, coefficients, message):
    with pytest.raises(InvalidInputError, match=message):
        pixel_rays(CameraModel(64, 48, 60.0, 60.0, 32.0, 24.0, model, coefficients))


@given(intrinsics_models(), st.floats(0.1, 20.0), st.data())
def test_a_point_on_the_ray_of_a_pixel_is_seen_there(intrinsics, metres, data):
    column = data.draw(st.integers(0, intrinsics.width - 1))
    row = data.draw(st.integers(0, intrinsics.height - 1))
    x, y = pixel_rays(intrinsics)[row, column].astype(float)
    pixel = visible_pixel(np.array([x, y, 1.0]) * metres, intrinsics)
    np.testing.assert_allclose(pixel, [column, row], atol=0.01)
    assert visible_pixel(np.array([x, y, 1.0]) * -metres, intrinsics) is None


@given(intrinsics_models(), st.floats(0, 2 * np.pi), st.floats(0.1, 20.0), st.floats(1.3, 30.0))
def test_directions_beyond_the_border_are_not_seen_whatever_the_lens_model_makes_of_them(
    intrinsics, angle, metres, beyond
):
    radius = beyond * np.linalg.norm(pixel_rays(intrinsics), axis=-1).max()
    point = metres * np.array([radius * np.cos(angle), radius * np.sin(angle), 1.0])
    assert visible_pixel(point, intrinsics) is None
