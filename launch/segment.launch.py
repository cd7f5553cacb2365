"""The segmentation node with optional RViz and camera without hardware."""

from __future__ import annotations

from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from instructsam_ros.paths import share

TOPICS = {
    "image": "colour image",
    "depth": "depth image, aligned to the colour image",
    "camera_info": "intrinsics of the colour image",
}
CAMERAS = {"none": "your own", "replay": "plays the sample scenes", "rendered": "publishes rendered scenes"}
# Parameters of segment_node; an empty argument leaves the value of params_file.
PARAMETERS = {
    "model": (
        str,
        "compact (for renders), compact_real (for cameras), a hub id, a folder, or fake",
    ),
    "device": (str, "auto, cpu, cuda, cuda:0"),
    "instruction": (str, "what to segment from the start; the topic instruction replaces it"),
    "autostart": (bool, "true: load the model and answer at once; false: wait for lifecycle transitions"),
}
EVERY_NODE = {"use_sim_time": (bool, "true: take the time from /clock")}


def generate_launch_description() -> LaunchDescription:
    """Arguments and nodes; `ros2 launch instructsam_ros segment.launch.py --show-args` lists the former."""
    params_file = str(share("config", "segment.yaml"))
    return LaunchDescription(
        [
            *(DeclareLaunchArgument(k, default_value=k, description=text) for k, text in TOPICS.items()),
            *(
                DeclareLaunchArgument(k, default_value="", description=f"{text} (empty: as in params_file)")
                for k, (_, text) in {**PARAMETERS, **EVERY_NODE}.items()
            ),
            DeclareLaunchArgument("params_file", default_value=params_file, description="parameters as YAML"),
            DeclareLaunchArgument("namespace", default_value="", description="one for each camera"),
            DeclareLaunchArgument("rviz", default_value="false", description="open RViz"),
            DeclareLaunchArgument(
                "camera",
                default_value="none",
                choices=list(CAMERAS),
                description=", ".join(f"{name}: {text}" for name, text in CAMERAS.items()),
            ),
            OpaqueFunction(function=_check),
            OpaqueFunction(function=_segment_node),
            OpaqueFunction(function=_camera),
            OpaqueFunction(function=_rviz),
        ]
    )


def _check(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Raise RuntimeError for what would fail later, when nodes have started that nobody would stop."""
    params_file = Path(LaunchConfiguration("params_file").perform(context))
    if not params_file.is_file():
        raise RuntimeError(f"there is no params_file {params_file}")
    if IfCondition(LaunchConfiguration("rviz")).evaluate(context):
        try:
            get_package_prefix("rviz2")
        except PackageNotFoundError:
            raise RuntimeError(
                "rviz:=true needs rviz2, which is not installed (apt: ros-$ROS_DISTRO-rviz2)"
            ) from None
    return []


def _segment_node(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    overrides = _given(context, {**PARAMETERS, **EVERY_NODE})
    return [
        Node(
            package="instructsam_ros",
            executable="segment_node",
            name="segment_node",
            namespace=LaunchConfiguration("namespace"),
            parameters=[LaunchConfiguration("params_file"), overrides],
            remappings=[(topic, LaunchConfiguration(topic)) for topic in TOPICS],
            output="screen",
        )
    ]


def _camera(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    camera = LaunchConfiguration("camera").perform(context)
    if camera == "none":
        return []
    return [
        Node(
            package="instructsam_ros",
            executable=f"{camera}_camera_node",
            namespace=LaunchConfiguration("namespace"),
            parameters=[_given(context, EVERY_NODE)],
            remappings=[(topic, LaunchConfiguration(topic)) for topic in TOPICS],
            output="screen",
        )
    ]


def _rviz(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    return [
        Node(
            package="rviz2",
            executable="rviz2",
            namespace=LaunchConfiguration("namespace"),  # the topics in the file are relative
            arguments=["-d", str(share("config", "segment.rviz"))],
            parameters=[_given(context, EVERY_NODE)],
            condition=IfCondition(LaunchConfiguration("rviz")),
        )
    ]


def _given(context: LaunchContext, parameters: dict[str, tuple[type, str]]) -> dict[str, ParameterValue]:
    """Those that are not empty, with their types, so that an instruction such as "yes" or "7" stays text."""
    return {
        name: ParameterValue(LaunchConfiguration(name), value_type=kind)
        for name, (kind, _) in parameters.items()
        if LaunchConfiguration(name).perform(context)
    }
