"""Where tf cannot tell, nothing is guessed."""

import pytest

from instructsam_ros.ros.failures import TransformError
from instructsam_ros.ros.transforms import Transforms


def test_an_image_without_a_stamp_has_no_pose():
    """To tf2 a stamp of zero means the latest transform that it has."""
    with pytest.raises(TransformError, match="no stamp"):
        Transforms(buffer=object()).look_up("map", "camera", 0, 0.1)


def test_without_tf_the_reason_is_told():
    with pytest.raises(TransformError, match="tf2_ros is not installed"):
        Transforms(None, "tf2_ros is not installed").look_up("map", "camera", 1, 0.1)
