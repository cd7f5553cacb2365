"""Diagnostics: state of camera and worker, rates, and counts of dropped frames by reason."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.node import Node

from instructsam_ros.ros.counters import Counters, Rates
from instructsam_ros.ros.input.frame_buffer import FrameBuffer
from instructsam_ros.ros.input.job_queue import JobQueue
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.processor import Processor
from instructsam_ros.ros.worker import Worker

RECENT_SECONDS = 10.0
FRAME_FAILURES = ("invalid_input", "transform_failed", "internal_error", "stale")
RATES = {"received": "images_per_second", "processed": "answers_per_second"}


@dataclass
class Health:
    """Data of the statuses. state: of the lifecycle node, in words.

    all_failed_at: when a report last found failed frames and no answer since the one before it.
    """

    state: str = "unconfigured"
    failed: bool = False
    last_error: str = ""
    last_error_at: float = -math.inf
    all_failed_at: float = -math.inf
    counts: dict[str, int] = field(default_factory=dict)
    model: str = ""
    rates: Rates = field(default_factory=lambda: Rates(RATES, RECENT_SECONDS))

    def note(self, error: Exception) -> None:
        """Remember a failure."""
        self.last_error, self.last_error_at = f"{type(error).__name__}: {error}", time.monotonic()

    def compare(self, counts: dict[str, int], now: float) -> None:
        """Learn from the counts since the last report whether frames fail and none is answered."""
        new = {name: count - self.counts.get(name, 0) for name, count in counts.items()}
        self.counts = counts
        if new["processed"]:
            self.all_failed_at = -math.inf
        elif any(new[name] for name in FRAME_FAILURES):
            self.all_failed_at = now


def diagnostic_array(
    node: Node,
    health: Health,
    counters: Counters,
    settings: NodeSettings,
    queue: JobQueue | None,
    worker: Worker | None,
    processor: Processor | None = None,
) -> DiagnosticArray:
    """Return all statuses, stamped now.

    queue and worker are None while the node is not active, processor while it is not configured.
    """
    name = node.get_fully_qualified_name().lstrip("/")
    counts, now = counters.snapshot(), time.monotonic()
    health.compare(counts, now)
    levels = {"node": _node_level(health, queue, now), "camera": _camera_level(queue, settings, processor)}
    levels["worker"] = _worker_level(worker, settings)
    rates = health.rates.update(counts, now)
    values = {
        "node": {"model": health.model, "last_error": health.last_error},
        "camera": _camera_values(queue, processor),
        "worker": {name: f"{rate:.1f}" for name, rate in rates.items()}
        | {key: str(count) for key, count in counts.items()}
        | {"instruction": queue.instruction if queue else ""},
    }
    message = DiagnosticArray()
    message.header.stamp = node.get_clock().now().to_msg()
    message.status = [
        DiagnosticStatus(
            name=f"{name}: {part}",
            hardware_id=name,
            level=level,
            message=text,
            values=[KeyValue(key=key, value=value) for key, value in values[part].items()],
        )
        for part, (level, text) in levels.items()
    ]
    return message


def _node_level(health: Health, queue: JobQueue | None, now: float) -> tuple[bytes, str]:
    if health.failed:
        return DiagnosticStatus.ERROR, f"{health.state}: {health.last_error}"
    if now - health.last_error_at < RECENT_SECONDS:
        hopeless = now - health.all_failed_at < RECENT_SECONDS
        return DiagnosticStatus.ERROR if hopeless else DiagnosticStatus.WARN, health.last_error
    if queue is not None and not queue.enabled:
        return DiagnosticStatus.OK, f"{health.state}; disabled, see ~/set_enabled"
    idle = queue is not None and not (queue.instruction or queue.named)
    if queue is not None and queue.frames.last_image_at is not None and idle:
        return DiagnosticStatus.OK, f"{health.state}; waits for an instruction"
    return DiagnosticStatus.OK, health.state


def _camera_level(
    queue: JobQueue | None, settings: NodeSettings, processor: Processor | None
) -> tuple[bytes, str]:
    if queue is None:
        return DiagnosticStatus.OK, "not active"
    frames, now = queue.frames, time.monotonic()
    if frames.last_image_at is None:
        return DiagnosticStatus.ERROR, "no image has arrived yet"
    silent = now - frames.last_image_at
    if silent > settings.camera_timeout:
        return DiagnosticStatus.ERROR, f"no image for {silent:.1f} s; is the camera unplugged?"
    warnings = [_depth_warning(frames, settings, now), frames.frame_id_warning]
    warnings += processor.warnings if processor is not None else ()
    if any(warnings):  # each once
        return DiagnosticStatus.WARN, "; ".join(filter(None, dict.fromkeys(warnings)))
    if not settings.use_depth:
        return DiagnosticStatus.OK, "images arrive; depth is not used"
    return DiagnosticStatus.OK, "images, depth and camera_info arrive"


def _depth_warning(frames: FrameBuffer, settings: NodeSettings, now: float) -> str:
    if not settings.use_depth:
        return ""
    if frames.last_depth_at is None or now - frames.last_depth_at > settings.camera_timeout:
        return (
            f"no depth within sync_slop {settings.sync_slop} s of an image's stamp and depth_wait "
            f"{settings.depth_wait} s of its arrival: masks without points"
        )
    return "" if frames.has_info else "no camera_info: masks without points"


def _camera_values(queue: JobQueue | None, processor: Processor | None) -> dict[str, str]:
    if queue is None:
        return {}
    frames, now = queue.frames, time.monotonic()
    ages = {"image": frames.last_image_at, "depth": frames.last_depth_at}
    values = {
        f"seconds_since_{key}": "never" if at is None else f"{now - at:.2f}" for key, at in ages.items()
    }
    offset = frames.depth_offset
    outside = None if processor is None else processor.outside_limits
    return values | {
        "camera_info": str(frames.has_info),
        "depth_offset_ms": "" if offset is None else f"{1e3 * offset:.1f}",
        "depth_outside_limits": "" if outside is None else f"{outside:.2f}",
    }


def _worker_level(worker: Worker | None, settings: NodeSettings) -> tuple[bytes, str]:
    if worker is None:
        return DiagnosticStatus.OK, "not active"
    if not worker.alive:
        return DiagnosticStatus.ERROR, "the worker thread has died; restart the node"
    busy = worker.busy_seconds()
    if busy > settings.stuck_after:
        return DiagnosticStatus.ERROR, f"stuck on one frame for {busy:.0f} s"
    return DiagnosticStatus.OK, "running"
