"""Look-ups that tf cannot answer fail; poses are never guessed."""

from pathlib import Path
from xml.etree import ElementTree

import pytest

from instructsam_ros.ros.errors import TransformError
from instructsam_ros.ros.transforms import Transforms


def test_an_image_without_a_stamp_has_no_pose():
    """To tf2 a stamp of zero means the latest transform that it has."""
    with pytest.raises(TransformError, match="no stamp"):
        Transforms(buffer=object()).look_up("map", "camera", 0, 0.1)


def test_without_tf_the_reason_is_reported():
    with pytest.raises(TransformError, match="tf2_ros is not installed"):
        Transforms(None, "tf2_ros is not installed").look_up("map", "camera", 1, 0.1)


def test_the_package_depends_on_what_has_tf2_ros_for_python():
    """The package tf2_ros is the one for C++."""
    package = ElementTree.parse(Path(__file__).parents[2] / "package.xml")
    needed = {item.text for item in package.iter("exec_depend")}
    assert "tf2_ros_py" in needed
    assert "tf2_ros" not in needed
