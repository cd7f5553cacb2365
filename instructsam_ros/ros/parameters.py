"""The node's parameters: one frozen dataclass, declared with descriptors, changed as a whole."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from instructsam_ros.errors import ConfigError, InvalidInputError
from instructsam_ros.lifting.settings import NAMED
from instructsam_ros.ros.float_parameters import declare, take_whole_numbers
from instructsam_ros.ros.target_choice import CHOICES
from instructsam_ros.types import check_instruction
from instructsam_ros.yaml_config import parse_mapping

CONFIGURE = "is read when the node is configured; clean it up first (ros2 lifecycle set NODE cleanup)"


def _setting(
    default: Any,
    text: str,
    *,
    live: bool = False,
    read_only: bool = False,
    low: float | None = None,
    high: float | None = None,
) -> Any:
    return field(
        default=default,
        metadata={"text": text, "live": live, "read_only": read_only, "low": low, "high": high},
    )


@dataclass(frozen=True)
class NodeSettings:
    """Every parameter of the node; config/segment.yaml explains them. Raises ConfigError on bad values."""

    model: str = _setting(
        "compact", "compact (for renders), compact_real (for cameras), a hub id, a folder, or fake"
    )
    device: str = _setting("auto", "auto, cpu, cuda, cuda:0")
    backend: str = _setting(
        "", "backend that loads the model, or module:function; empty chooses by the model"
    )
    allow_backend_import: bool = _setting(
        False, "whether a running node may be told to import another module:function", read_only=True
    )
    model_options: str = _setting("", "further options of the backend, as a YAML mapping")
    load_timeout: float = _setting(600.0, "seconds that loading may take", low=1.0, high=86400.0)
    autostart: bool = _setting(True, "configure and activate the node as soon as it runs")
    instruction: str = _setting("", "instruction to begin with; the topic replaces it")
    clicks: bool = _setting(
        True, "whether a point on clicked_point (RViz, Publish Point) selects what is there", live=True
    )
    image_transport: str = _setting("raw", "raw or compressed")
    depth_transport: str = _setting("raw", "raw or compressedDepth")
    image_reliability: str = _setting("best_effort", "best_effort or reliable, for image and depth")
    use_depth: bool = _setting(True, "false for a camera without depth: masks only")
    sync_slop: float = _setting(0.02, "seconds between image and depth; 0: equal stamps", low=0.0, high=10.0)
    max_requests: int = _setting(4, "requests that may wait; more are refused", low=1, high=12)
    rectified: bool = _setting(
        False, "the image is rectified: use P of camera_info, no distortion", live=True
    )
    depth_wait: float = _setting(0.5, "seconds an image waits for its depth", live=True, low=0.0, high=60.0)
    camera_timeout: float = _setting(
        2.0, "seconds without an image until the camera counts as unplugged", live=True, low=0.1, high=600.0
    )
    max_age: float = _setting(
        10.0,
        "seconds since the image arrived after which a result is dropped",
        live=True,
        low=0.01,
        high=3600.0,
    )
    request_timeout: float = _setting(
        60.0, "seconds a request without a time budget may take", live=True, low=0.1, high=3600.0
    )
    stuck_after: float = _setting(
        30.0, "seconds on one frame after which the worker counts as stuck", live=True, low=0.1, high=3600.0
    )
    score_threshold: float = _setting(
        0.0, "further least score of an instance, on top of the model's own", live=True, low=0.0, high=1.0
    )
    min_depth: float = _setting(
        0.1, "metres; nearer readings are no readings", live=True, low=0.0, high=1000.0
    )
    max_depth: float = _setting(
        10.0, "metres; farther readings are no readings", live=True, low=0.0, high=1000.0
    )
    depth_scale: float = _setting(
        0.0,
        "metres of one unit of depth, 0.0001 for 16UC1 in 0.1 mm; 0: by encoding, 16UC1 mm, 32FC1 m",
        live=True,
        low=0.0,
        high=1.0,
    )
    require_same_frame: bool = _setting(
        False, "refuse depth or camera_info whose frame_id is not the image's", live=True
    )
    refine_with_depth: bool = _setting(
        False, "complete and trim masks by what stands out from the support plane in depth", live=True
    )
    follow_frames: int = _setting(
        0,
        "frames after an inference that optical flow answers at most; 0: every frame is inferred",
        live=True,
        low=0,
        high=10000,
    )
    lifting: str = _setting(
        "default", "tight (for grasps), default or whole (for collision checks) clouds", live=True
    )
    target: str = _setting("best", "the instance on ~/target/...: best (score) or nearest", live=True)
    target_id: int = _setting(
        0,
        "the instance on ~/target/...: the one with this id; 0: as target says",
        live=True,
        low=0,
        high=2**31,
    )
    sample_folder: str = _setting(
        "", "folder in which ~/save_sample makes a folder per sample; empty: none", read_only=True
    )
    target_frame: str = _setting("", "tf frame of the output; empty: the camera's optical frame", live=True)
    up_frame: str = _setting(
        "", "tf frame whose z points up, such as odom; empty: what stands on what is found without", live=True
    )
    fixed_frame: str = _setting(
        "", "tf frame in which ids are tracked; empty: odom, or the root of the camera's tf tree", live=True
    )
    fusion_voxel: float = _setting(
        0.0, "metres; edge of the voxels of ~/fused_points; 0: no fusion", live=True, low=0.0, high=1.0
    )
    max_motion: float = _setting(
        0.0,
        "metres per second of the camera above which frames are held back; 0: none",
        live=True,
        low=0.0,
        high=100.0,
    )
    transform_timeout: float = _setting(
        0.2, "seconds to wait for a transform at the image's stamp", live=True, low=0.0, high=10.0
    )

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value, low, high = getattr(self, item.name), item.metadata["low"], item.metadata["high"]
            if low is not None and not low <= value <= high:
                raise ConfigError(f"{item.name} is {value}; it must be between {low} and {high}")
        for name, choices in {
            "image_transport": ("raw", "compressed"),
            "depth_transport": ("raw", "compressedDepth"),
            "image_reliability": ("best_effort", "reliable"),
            "lifting": tuple(NAMED),
            "target": CHOICES,
        }.items():
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}; it must be one of {', '.join(choices)}"
                )
        if not self.min_depth < self.max_depth:
            raise ConfigError(f"min_depth {self.min_depth} must be below max_depth {self.max_depth}")
        if self.instruction:
            try:
                check_instruction(self.instruction)
            except InvalidInputError as error:
                raise ConfigError(f"instruction: {error}") from None
        self.options()

    def options(self) -> dict[str, Any]:
        """Parse ``model_options`` as a mapping. Raises ConfigError for what is a parameter of its own."""
        options = parse_mapping(self.model_options, "model_options")
        if own := sorted(options.keys() & {"model", "device", "backend"}):
            raise ConfigError(f"model_options: {', '.join(own)} is a parameter of its own")
        return options

    @property
    def transform_memory(self) -> float:
        """Seconds for which transforms are kept: those of the oldest image that is still worked on."""
        waits = self.depth_wait + self.camera_timeout + self.transform_timeout
        return max(10.0, waits + max(self.max_age, self.request_timeout))

    def require_tf(self) -> None:
        """Raise ConfigError where a frame is to be looked up and tf2_ros is not installed."""
        for name in ("target_frame", "up_frame"):
            if getattr(self, name):
                require_tf(name)


def require_tf(purpose: str) -> None:
    """Raise ConfigError unless tf2_ros is installed."""
    try:
        import tf2_ros  # noqa: F401
    except ImportError:
        raise ConfigError(
            f"{purpose} needs tf2_ros, which is not installed (apt: ros-$ROS_DISTRO-tf2-ros-py)"
        ) from None


def warn_of_unknown_parameters(node: Any) -> None:
    """Name what was given at the start (params file, -p) and is no parameter of the node.

    ROS ignores it in silence, and there is no public way to learn of it.
    """
    known = node.get_parameters_by_prefix("")
    for name in sorted(node._parameter_overrides.keys() - known.keys()):
        closest = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {closest[0]}?" if closest else ""
        node.get_logger().warning(f"there is no parameter {name}{hint}")


class ParameterStore:
    """Declares the parameters on a node and keeps the settings that are in force.

    A change is checked as a whole and takes effect as a whole, or is refused with the reason.
    ``configured`` returns whether settings that are read at configure time are frozen.
    """

    def __init__(self, node: Any, configured: Any) -> None:
        from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor

        self._configured = configured
        values = {}
        for item in dataclasses.fields(NodeSettings):
            descriptor = ParameterDescriptor(
                description=item.metadata["text"], read_only=item.metadata["read_only"]
            )
            low, high = item.metadata["low"], item.metadata["high"]
            if isinstance(item.default, float):
                if low is not None:
                    descriptor.floating_point_range = [FloatingPointRange(from_value=low, to_value=high)]
            elif low is not None:
                descriptor.integer_range = [IntegerRange(from_value=low, to_value=high, step=1)]
            values[item.name] = declare(node, item.name, item.default, descriptor)
        self.current = self._at_start = NodeSettings(**values)
        take_whole_numbers(node)
        if hasattr(node, "add_post_set_parameters_callback"):
            node.add_on_set_parameters_callback(self._check)
            node.add_post_set_parameters_callback(self._apply)
        else:  # ROS 2 Humble
            node.add_on_set_parameters_callback(self._check_and_apply)

    def check(self, changes: dict[str, Any]) -> None:
        """Raise ConfigError for values that could not be set while the node is not configured."""
        from rclpy.parameter import Parameter

        self._changed([Parameter(name, value=value) for name, value in changes.items()], frozen=False)

    def _check(self, parameters: Sequence[Any]) -> Any:
        from rcl_interfaces.msg import SetParametersResult

        try:
            self._changed(parameters, frozen=self._configured())
        except Exception as error:  # the service has to respond to any error
            return SetParametersResult(successful=False, reason=str(error) or type(error).__name__)
        return SetParametersResult(successful=True)

    def _check_and_apply(self, parameters: Sequence[Any]) -> Any:
        """Check a change and take it over at once, where rclpy has no callback for after the check."""
        result = self._check(parameters)
        if result.successful:
            self._apply(parameters)
        return result

    def _apply(self, parameters: Sequence[Any]) -> None:
        self.current = self._changed(parameters, frozen=False)

    def _changed(self, parameters: Sequence[Any], *, frozen: bool) -> NodeSettings:
        live = {item.name: item.metadata["live"] for item in dataclasses.fields(NodeSettings)}
        changes = {p.name: p.value for p in parameters if p.name in live}
        for name, value in changes.items():
            if frozen and not live[name] and value != getattr(self.current, name):
                raise ConfigError(f"{name} {CONFIGURE}")
        settings = dataclasses.replace(self.current, **changes)
        if settings.backend != self.current.backend:
            self._check_import(settings.backend)
        self._check_server(settings)
        if frozen:
            settings.require_tf()
        return settings

    def _check_import(self, backend: str) -> None:
        """Raise ConfigError for code that a peer on the network, not who started the node, has chosen."""
        if ":" in backend and backend != self._at_start.backend and not self._at_start.allow_backend_import:
            raise ConfigError(
                f"backend {backend!r} would be imported, and any peer could ask for it; give it when the "
                "node starts, or start the node with allow_backend_import:=true"
            )

    def _check_server(self, settings: NodeSettings) -> None:
        """Raise ConfigError for a server that a peer has chosen: it would get the pictures and the key."""
        started = self._at_start
        told = (settings.backend, settings.model_options) == (started.backend, started.model_options)
        if settings.backend == "agent" and not told and not started.allow_backend_import:
            raise ConfigError(
                "the agent's server gets pictures and a key, and any peer could name one; give backend and "
                "model_options when the node starts, or start the node with allow_backend_import:=true"
            )
