"""The segmentation node: ``ros2 run instructsam_ros segment_node``."""

from __future__ import annotations

if __name__ == "__main__":  # python -m: its defaults are set before what follows loads numpy
    from instructsam_ros import programs

    raise SystemExit(programs.segment_node())

import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNodeMixin, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String

from instructsam_ros.errors import ConfigError, InstructSamError
from instructsam_ros.ros.arguments import ros_arguments
from instructsam_ros.ros.control_services import ControlServices
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.diagnostics import Health, diagnostic_array
from instructsam_ros.ros.errors import NotActiveError, PromptError, StaleError, counter_name
from instructsam_ros.ros.input.camera_node import CameraInputNode
from instructsam_ros.ros.input.job_queue import JobQueue
from instructsam_ros.ros.input.persistent_inputs import PersistentInputs
from instructsam_ros.ros.input.prompts import PromptInputs
from instructsam_ros.ros.input.subscriptions import CameraInfoInput, CameraInputs
from instructsam_ros.ros.logs import ErrorLog
from instructsam_ros.ros.memory import give_back_memory
from instructsam_ros.ros.model_loader import ModelLoader
from instructsam_ros.ros.model_thread import ModelThread
from instructsam_ros.ros.node_main import spin
from instructsam_ros.ros.output.publishers import Publishers
from instructsam_ros.ros.parameters import ParameterStore
from instructsam_ros.ros.processor import FrameResult, Processor, age
from instructsam_ros.ros.qos import COMMAND, LATCHED
from instructsam_ros.ros.request_servers import RequestServers, checked
from instructsam_ros.ros.transforms import Transforms
from instructsam_ros.ros.transition_group import TransitionGroup
from instructsam_ros.ros.worker import Worker

STOP_SECONDS = 5.0
LOG_EVERY = 5.0
GIVE_BACK_EVERY = 20.0
"""Seconds between returns of freed memory while the node is active: the next frame takes it again."""
# Requests block a thread each while they wait; the others serve topics, timers and parameters.
THREADS = 16


class SegmentNode(LifecycleNodeMixin, Node):  # type: ignore[misc]
    """Lifecycle: configure loads the model, activate listens and answers, deactivate stops both.

    stop: set by the process when it is to end, so that loading a model does not delay the end.
    """

    def __init__(self, stop: threading.Event) -> None:
        Node.__init__(self, "segment_node")
        # In the default group loading a model would hold up the parameters and /clock.
        transitions = TransitionGroup()
        LifecycleNodeMixin.__init__(self, callback_group=transitions)
        self._stop = stop
        self._model_thread = ModelThread()
        self._loader = ModelLoader(self._model_thread)
        self._counters = Counters()
        self._health = Health()
        self._errors = ErrorLog(self.get_logger(), LOG_EVERY)
        self._processor: Processor | None = None
        self._outputs: Publishers | None = None
        self._inputs: CameraInputs | None = None
        self._worker: Worker | None = None
        self._orphaned_worker: Worker | None = None
        self._frozen = False
        self._gave_back = time.monotonic()
        self._settings = ParameterStore(self, configured=lambda: self._frozen)
        self._begin_with = self._settings.current.instruction
        self._active_instruction = self.create_publisher(String, "~/active_instruction", LATCHED)
        self._persistent = PersistentInputs(self._begin_with, self._announce)
        self._camera_input = CameraInputNode(self)
        self._transforms = Transforms.on_node(
            self, self._camera_input.node, self._settings.current.transform_memory
        )
        self._requests = RequestServers(
            self, lambda: self._persistent.queue, lambda: self._settings.current, self._counters
        )
        self._last: FrameResult | None = None
        self._controls = ControlServices(
            self,
            self._persistent,
            lambda: self._settings.current,
            clear=self._clear,
            last=lambda: self._last,
            set_model=self._set_model,
            transitions=transitions,
        )
        self._camera_info = CameraInfoInput(
            self._camera_input.node, self.resolve_topic_name("camera_info"), self._persistent.set_info
        )
        self.create_subscription(
            String,
            "instruction",
            self._on_instruction,
            COMMAND,
            callback_group=MutuallyExclusiveCallbackGroup(),
        )
        self._prompts = PromptInputs(self, self._persistent, lambda: self._settings.current, self._refuse)
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", COMMAND)
        # Simulated time may stand still or never come.
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0, self._diagnose, callback_group=MutuallyExclusiveCallbackGroup(), clock=clock)
        # In the group of the transitions, so that it cannot run together with one of them.
        self._autostart = self.create_timer(0.0, self._start, callback_group=transitions, clock=clock)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the model; a failure leaves the node up and unconfigured, and reports the reason."""
        if self._still_busy():
            return TransitionCallbackReturn.FAILURE
        self._frozen = True
        settings = self._settings.current
        if settings.instruction != self._begin_with:  # set since; else the topic may have replaced it
            self._begin_with = settings.instruction
            self._persistent.set_instruction(settings.instruction)
        self._health.state, self._health.failed = f"loading {settings.model}", False
        try:
            settings.require_tf()
            segmenter = self._loader.load(settings, self._stop)
            self._outputs = Publishers(self)
        # rclpy would swallow it; a backend may raise anything for bad weights.
        except Exception as error:
            self._frozen = False
            self._health.note(error)
            self._health.state, self._health.failed = "configure failed", True
            self.get_logger().error(f"cannot configure with model {settings.model!r}: {error}")
            return TransitionCallbackReturn.FAILURE
        self._health.model = f"{settings.model} ({segmenter.name})"
        self._processor = Processor(
            segmenter, lambda: self._settings.current, self._transforms, self._counters, self._warn
        )
        self._health.state = "inactive"
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Listen to the camera and start the worker."""
        if self._processor is None or self._still_busy():
            return TransitionCallbackReturn.FAILURE
        queue = JobQueue(self._counters, lambda: self._settings.current)
        self._worker = Worker(queue, self._counters, self._processor.run, self._publish, self._report)
        self._worker.start(self._model_thread)
        topics = {name: self.resolve_topic_name(name) for name in ("image", "depth")}
        self._inputs = CameraInputs(
            self._camera_input.node, topics, queue, self._settings.current, self._refuse
        )
        self._persistent.activate(queue)
        self._health.state = "active"
        self.get_logger().info(f"active with {self._health.model}")
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop listening and working."""
        self._halt()
        self._health.state = "inactive"
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Release the model."""
        self._release()
        self._health.state = "unconfigured"
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop and release everything."""
        self._halt()
        self._release()
        self._health.state = "shut down"
        return super().on_shutdown(state)

    def close(self) -> None:
        """End the worker and refuse waiting requests; for the end of the process."""
        self._halt()
        self._camera_input.close()
        self._model_thread.close(0.0 if self._still_busy() else STOP_SECONDS)
        self._requests.destroy()

    def _start(self) -> None:
        self._autostart.cancel()
        wanted = self._settings.current.autostart
        if wanted and self.trigger_configure() == TransitionCallbackReturn.SUCCESS:
            self.trigger_activate()

    def _halt(self) -> None:
        inputs, self._inputs = self._inputs, None
        if inputs is not None:
            inputs.destroy()
        queue = self._persistent.deactivate()
        worker, self._worker = self._worker, None
        if queue is not None and worker is not None and not worker.stop(STOP_SECONDS):
            self._orphaned_worker = worker
            self.get_logger().warning("the model did not stop in time; its answer will be ignored")
        if queue is not None:
            self._clear()

    def _clear(self) -> None:
        if self._outputs is not None:
            self._outputs.clear()

    def _set_model(self, changes: dict[str, Any]) -> str:
        """Load another model, in the group of the transitions; return why it failed, then with the old one
        back.

        A node that was inactive stays so. Raises ConfigError for values that cannot be used.
        """
        self._settings.check(changes)
        before = {name: getattr(self._settings.current, name) for name in changes}
        activate = self._processor is None or self._inputs is not None
        reason = self._reload(changes, activate)
        if reason:
            self._reload(before, activate)
        return reason

    def _reload(self, changes: dict[str, Any], activate: bool) -> str:
        if self._inputs is not None:
            self.trigger_deactivate()
        if self._processor is not None:
            self.trigger_cleanup()
        result = self.set_parameters_atomically(
            [Parameter(name, value=value) for name, value in changes.items()]
        )
        if not result.successful:
            return str(result.reason)
        if self.trigger_configure() != TransitionCallbackReturn.SUCCESS:
            return self._health.last_error or "the model could not be loaded"
        if activate:
            self.trigger_activate()
        return ""

    def _still_busy(self) -> bool:
        """Report and return whether a model that did not stop in time is still running; at most one may."""
        busy = self._orphaned_worker is not None and self._orphaned_worker.alive
        if busy:
            self._report(
                NotActiveError("the model still works on the frame before deactivation; try again later")
            )
        return busy

    def _release(self) -> None:
        if self._outputs is not None:
            self._outputs.destroy()
        self._outputs = self._processor = self._last = None
        self._frozen = False
        self._health.model = ""

    def _on_instruction(self, message: String) -> None:
        try:
            text = message.data.strip()
            self._persistent.set_instruction(checked(text) if text else "")
        except InstructSamError as error:
            self._refuse(error)
        else:
            if not text:
                self._clear()

    def _announce(self, instruction: str) -> None:
        self._active_instruction.publish(String(data=instruction))
        if instruction:
            self.get_logger().info(f"instruction: {instruction}")

    def _publish(self, frame_result: FrameResult) -> None:
        """Publish a result of the stream. Raises StaleError for one older than max_age."""
        limit, started = self._settings.current.max_age, time.monotonic()
        seconds = age(frame_result.messages)
        if seconds > limit:
            raise StaleError(f"an answer came {seconds:.1f} s after its image (max_age {limit:g} s): dropped")
        for each in (frame_result, *frame_result.named):
            if not each.name:
                self._last = each
            if self._outputs is not None:
                self._outputs.publish(each)
        if self._processor is not None:
            spent = {"publish": time.monotonic() - started, "total": age(frame_result.messages)}
            self._processor.times.add(spent)

    def _refuse(self, error: Exception) -> None:
        self._counters.add(counter_name(error))
        self._report(error)

    def _report(self, error: Exception) -> None:
        if isinstance(error, PromptError):  # the instruction from before is followed again
            self._persistent.drop_prompt(error.prompt)
        self._health.note(error)
        self._errors.log(error)

    def _warn(self, text: str) -> None:
        self.get_logger().warning(text)

    def _diagnose(self) -> None:
        settings: Any = self._settings.current
        self._transforms.keep(settings.transform_memory)
        self._camera_info.look_for_latched()
        queue = self._persistent.queue
        # On every tick while the node is inactive, as the middleware frees its buffers late.
        if queue is None or time.monotonic() - self._gave_back > GIVE_BACK_EVERY:
            give_back_memory()
            self._gave_back = time.monotonic()
        self._diagnostics.publish(
            diagnostic_array(
                self, self._health, self._counters, settings, queue, self._worker, self._processor
            )
        )


def main(args: Sequence[str] | None = None) -> int:
    """Entry point; 0 after SIGINT or SIGTERM, 2 for arguments and parameters that cannot be used."""
    try:
        translated = ros_arguments(sys.argv[1:] if args is None else args)
    except ConfigError as error:
        print(f"ConfigError: {error}", file=sys.stderr)
        return 2
    return spin(SegmentNode, THREADS, translated)
