"""Start the segmentation node, and RViz if asked: ros2 launch instructsam_ros segment.launch.py."""

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue
from launch_ros.substitutions import FindPackageShare

ARGUMENTS = {
    "model": ("compact", "compact, a hub id such as CircleRadon/InstructSAM-2B, a folder, or fake"),
    "device": ("auto", "auto, cpu, cuda, cuda:0"),
    "image": ("/camera/color/image_raw", "topic of the colour image"),
    "depth": ("/camera/aligned_depth_to_color/image_raw", "topic of the depth aligned to it"),
    "camera_info": ("/camera/color/camera_info", "topic of the colour camera's CameraInfo"),
    "instruction": ("/instruction", "topic of the instructions (std_msgs/String)"),
    "namespace": ("", "namespace of the node, one per camera"),
    "autostart": ("true", "configure and activate the node at once"),
    "rviz": ("false", "start RViz with config/segment.rviz"),
}


def generate_launch_description() -> LaunchDescription:
    """The node with its topics remapped; arguments win over the parameter file."""
    config = PathJoinSubstitution([FindPackageShare("instructsam_ros"), "config"])
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    declared.append(
        DeclareLaunchArgument(
            "params_file",
            default_value=PathJoinSubstitution([config, "segment.yaml"]),
            description="file with the node's parameters",
        )
    )
    given = {name: LaunchConfiguration(name) for name in (*ARGUMENTS, "params_file")}
    segment = Node(
        package="instructsam_ros",
        executable="segment_node",
        name="segment_node",
        namespace=given["namespace"],
        parameters=[
            given["params_file"],
            {
                "model": ParameterValue(given["model"], value_type=str),
                "device": ParameterValue(given["device"], value_type=str),
                "autostart": ParameterValue(given["autostart"], value_type=bool),
            },
        ],
        remappings=[(name, given[name]) for name in ("image", "depth", "camera_info", "instruction")],
        output="screen",
    )
    rviz = Node(
        package="rviz2",
        executable="rviz2",
        # The displays name the topics relative to the node's namespace.
        namespace=given["namespace"],
        arguments=["-d", PathJoinSubstitution([config, "segment.rviz"])],
        condition=IfCondition(given["rviz"]),
    )
    return LaunchDescription([*declared, segment, rviz])
