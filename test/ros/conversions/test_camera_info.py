from __future__ import annotations

import pytest
from sensor_msgs.msg import CameraInfo

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.ros.conversions import (
    info_from_intrinsics,
    intrinsics_from_info,
    principal_point_warning,
)
from instructsam_ros.types import CameraModel
from test.ros.conversions.messages import HEADER


def test_a_camera_survives_and_an_uncalibrated_one_is_refused():
    camera = CameraModel(640, 480, 600.0, 601.0, 320.5, 239.5, "plumb_bob", (0.1, -0.2, 0.0, 0.0, 0.05))
    message = info_from_intrinsics(camera, HEADER)
    assert intrinsics_from_info(message) == camera
    rectified = intrinsics_from_info(message, rectified=True)
    assert (rectified.fx, rectified.cx, rectified.distortion) == (600.0, 320.5, ())
    with pytest.raises(InvalidInputError, match="not calibrated"):
        intrinsics_from_info(CameraInfo(width=640, height=480))


def test_an_equidistant_lens_bends_without_coefficients_too():
    camera = CameraModel(640, 480, 300.0, 300.0, 320.0, 240.0, "equidistant", (0.0, 0.0, 0.0, 0.0))
    assert intrinsics_from_info(info_from_intrinsics(camera, HEADER)) == camera
    pinhole = CameraModel(640, 480, 300.0, 300.0, 320.0, 240.0, "plumb_bob", (0.0,) * 5)
    assert intrinsics_from_info(info_from_intrinsics(pinhole, HEADER)).distortion_model == ""


def test_binning_and_region_of_interest_keep_the_ray_of_a_pixel():
    message = info_from_intrinsics(CameraModel(640, 480, 600.0, 600.0, 320.0, 240.0), HEADER)
    message.binning_x = message.binning_y = 2
    message.roi.x_offset, message.roi.y_offset, message.roi.width, message.roi.height = 100, 60, 200, 100
    camera = intrinsics_from_info(message)
    assert (camera.width, camera.height) == (100, 50)
    # Binned pixel 10 covers the full-size columns 120 and 121, whose middle is 120.5.
    assert (10 - camera.cx) / camera.fx == pytest.approx((120.5 - 320.0) / 600.0)
    assert (7 - camera.cy) / camera.fy == pytest.approx((74.5 - 240.0) / 600.0)


@pytest.mark.parametrize("place", [0, 4])
def test_a_focal_length_that_no_camera_has_is_refused(place):
    info = info_from_intrinsics(CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5), HEADER)
    info.k[place] = 1e-300
    with pytest.raises(InvalidInputError, match="less than a pixel"):
        intrinsics_from_info(info)


def test_a_matrix_that_is_missing_beside_the_other_names_rectified():
    info = info_from_intrinsics(CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5), HEADER)
    info.k[:] = 0.0
    with pytest.raises(InvalidInputError, match=r"no K matrix .*only P is filled in.*set rectified to true"):
        intrinsics_from_info(info)
    info = info_from_intrinsics(CameraModel(160, 120, 150.0, 150.0, 79.5, 59.5), HEADER)
    info.p[:] = 0.0
    with pytest.raises(InvalidInputError, match=r"no P matrix .*set rectified to false"):
        intrinsics_from_info(info, rectified=True)


@pytest.mark.parametrize("binning", [2, 4])
@pytest.mark.parametrize("rectified", [False, True])
def test_a_matrix_of_the_binned_image_is_warned_of(binning, rectified):
    """The full image has 640x480 pixels; dividing such a matrix again shifts everything to the right."""
    full = CameraModel(640, 480, 600.0, 600.0, 319.5, 239.5)
    info = info_from_intrinsics(full, HEADER)
    info.binning_x = info.binning_y = binning
    assert principal_point_warning(info, rectified=rectified) == ""
    for matrix in (info.k, info.p):
        matrix[:] = matrix / binning
    warning = principal_point_warning(info, rectified=rectified)
    assert "far off the centre of 640x480" in warning
    assert f"after binning {binning}x{binning}?" in warning
