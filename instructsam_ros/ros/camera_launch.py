"""Launch descriptions of a camera's driver together with the segmentation node."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import (
    DeclareLaunchArgument,
    GroupAction,
    IncludeLaunchDescription,
    OpaqueFunction,
    SetEnvironmentVariable,
)
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration

from instructsam_ros.errors import ConfigError
from instructsam_ros.paths import share
from instructsam_ros.ros.node_main import profile_variables
from instructsam_ros.yaml_config import parse_mapping


@dataclass(frozen=True)
class Driver:
    """A camera's driver. name: the argument of its launch file that names the camera; topics start with it.

    arguments: further ones, for depth aligned to the image. image, depth, info: topics below the name.
    """

    package: str
    launch_file: str
    name: str
    image: str
    depth: str
    info: str
    default_name: str = "camera"
    arguments: Mapping[str, str] = field(default_factory=dict)


DRIVERS = {
    # realsense-ros 4.55, README: topics are /<camera_namespace>/<camera_name>/...
    "realsense": Driver(
        "realsense2_camera",
        "rs_launch.py",
        "camera_namespace",
        "camera/color/image_raw",
        "camera/aligned_depth_to_color/image_raw",
        "camera/color/camera_info",
        arguments={"camera_name": "camera", "align_depth.enable": "true", "enable_sync": "true"},
    ),
    # zed-ros2-wrapper 5, zed_camera_component_video_depth.cpp; depth is 32FC1 in metres.
    "zed": Driver(
        "zed_wrapper",
        "zed_camera.launch.py",
        "camera_name",
        "zed_node/rgb/color/rect/image",
        "zed_node/depth/depth_registered",
        "zed_node/rgb/color/rect/camera_info",
        default_name="zed",
        arguments={"camera_model": "zed2i"},
    ),
    # OrbbecSDK_ROS2 2, gemini_330_series.launch.py and ob_camera_node.cpp.
    "orbbec": Driver(
        "orbbec_camera",
        "gemini_330_series.launch.py",
        "camera_name",
        "color/image_raw",
        "depth/image_raw",
        "color/camera_info",
        arguments={"depth_registration": "true"},
    ),
    # depthai_ros_driver, camera_as_part_of_a_robot.launch.py; depth is aligned to the image by default.
    "oak": Driver(
        "depthai_ros_driver",
        "camera.launch.py",
        "name",
        "rgb/image_raw",
        "stereo/image_raw",
        "rgb/camera_info",
        default_name="oak",
    ),
}
NODE_ARGUMENTS = ("model", "device", "instruction", "params_file", "autostart", "use_sim_time", "rviz")
"""Arguments of segment.launch.py that are passed on."""
MODEL = "compact_real"
"""What answers without an argument or a file that names another."""


def camera_launch_description(kind: str) -> LaunchDescription:
    """Describe one camera of a kind in DRIVERS, its driver and its node."""
    driver = DRIVERS[kind]
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "name", default_value=driver.default_name, description="of the camera and its namespace"
            ),
            DeclareLaunchArgument(
                "driver", default_value="true", description="false: the driver runs already"
            ),
            DeclareLaunchArgument(
                "driver_arguments",
                default_value="",
                description=f"further ones of {driver.launch_file}, as a YAML mapping",
            ),
            *node_arguments(),
            OpaqueFunction(function=_start_one, args=[kind]),
        ]
    )


def several_cameras_description() -> LaunchDescription:
    """Describe any number of cameras, each with a driver and a node in a namespace of its own."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                "cameras", description="YAML: {NAME: KIND, NAME: {kind: KIND, DRIVER_ARGUMENT: VALUE}}"
            ),
            DeclareLaunchArgument(
                "driver", default_value="true", description="false: the drivers run already"
            ),
            *node_arguments(),
            OpaqueFunction(function=_start_several),
        ]
    )


def node_arguments() -> list[DeclareLaunchArgument]:
    """Declare the arguments that segment.launch.py gets; an empty one is left to it."""
    return [
        DeclareLaunchArgument(name, default_value="", description="as in segment.launch.py")
        for name in NODE_ARGUMENTS
    ]


def shared_memory_profile() -> list[SetEnvironmentVariable]:
    """Set the shared-memory profile for the processes of a group, unless one is set already."""
    names = profile_variables()
    if any(name in os.environ for name in names):
        return []
    return [SetEnvironmentVariable(names[0], str(share("config", "fastdds.xml")))]


def start_camera(
    context: LaunchContext, kind: str, name: str, driver_arguments: Mapping[str, Any]
) -> list[LaunchDescriptionEntity]:
    """Start driver and node of one camera. Raises RuntimeError where the driver is not installed."""
    driver = DRIVERS[kind]
    started = [_include(share("launch", "segment.launch.py"), _for_node(context, driver, name))]
    if LaunchConfiguration("driver").perform(context) == "true":
        try:
            folder = Path(get_package_share_directory(driver.package))
        except PackageNotFoundError:
            raise RuntimeError(
                f"{driver.package} is not installed; install the driver, or start it yourself and give "
                "driver:=false"
            ) from None
        given = {key: _text(value) for key, value in driver_arguments.items()}
        started.insert(
            0,
            _include(
                folder / "launch" / driver.launch_file, {**driver.arguments, driver.name: name, **given}
            ),
        )
    return started


def _start_one(context: LaunchContext, kind: str) -> list[LaunchDescriptionEntity]:
    given = parse_mapping(LaunchConfiguration("driver_arguments").perform(context), "driver_arguments")
    return start_camera(context, kind, LaunchConfiguration("name").perform(context), given)


def _start_several(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    cameras = parse_mapping(LaunchConfiguration("cameras").perform(context), "cameras")
    if not cameras:
        raise ConfigError("cameras is empty; give for example cameras:='{wrist: realsense, table: oak}'")
    started: list[LaunchDescriptionEntity] = []
    for name, value in cameras.items():
        given = dict(value) if isinstance(value, Mapping) else {"kind": value}
        kind = given.pop("kind", None)
        if kind not in DRIVERS:
            raise ConfigError(f"cameras: {name} is {kind!r}; known: {', '.join(DRIVERS)}")
        started += start_camera(context, kind, str(name), given)
    return started


def _for_node(context: LaunchContext, driver: Driver, name: str) -> dict[str, str]:
    given = {key: LaunchConfiguration(key).perform(context) for key in NODE_ARGUMENTS}
    if not given["params_file"]:  # which may name another model
        given["model"] = given["model"] or MODEL
    topics = {"image": driver.image, "depth": driver.depth, "camera_info": driver.info}
    return {
        **{key: f"/{name}/{topic}" for key, topic in topics.items()},
        "namespace": name,
        **{key: value for key, value in given.items() if value},
    }


def _include(path: Path, arguments: Mapping[str, str]) -> GroupAction:
    """Include a launch file that sees these arguments alone, and none of another camera's."""
    source = PythonLaunchDescriptionSource(str(path))
    included = IncludeLaunchDescription(source, launch_arguments=arguments.items())
    return GroupAction([*shared_memory_profile(), included], scoped=True, forwarding=False)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
