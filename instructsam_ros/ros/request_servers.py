"""The service ~/segment_once and the action ~/segment."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import wait
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node

from instructsam_ros.action import Segment
from instructsam_ros.errors import CancelledError, InvalidInputError
from instructsam_ros.msg import InstanceArray
from instructsam_ros.ros.counters import Counters
from instructsam_ros.ros.errors import (
    STATUS_ERROR,
    InvalidInstructionError,
    NoFrameError,
    NotActiveError,
    TimeBudgetError,
    counter_name,
    error_code,
)
from instructsam_ros.ros.input.frame_buffer import FrameMessages
from instructsam_ros.ros.input.job_queue import JobQueue, Request
from instructsam_ros.ros.input.synchronizer import check_stamp
from instructsam_ros.ros.output.messages import instance_array
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.qos import REQUEST
from instructsam_ros.srv import SegmentOnce
from instructsam_ros.types import check_instruction

POLL_SECONDS = 0.02


class RequestServers:
    """Servers of explicit requests. queue: returns None while the node is not active."""

    def __init__(
        self,
        node: Node,
        queue: Callable[[], JobQueue | None],
        settings: Callable[[], NodeSettings],
        counters: Counters,
    ) -> None:
        self._node = node
        self._queue = queue
        self._settings = settings
        self._counters = counters
        group = ReentrantCallbackGroup()
        node.create_service(
            SegmentOnce, "~/segment_once", self._on_service, qos_profile=REQUEST, callback_group=group
        )
        self._action = ActionServer(
            node,
            Segment,
            "~/segment",
            self._on_goal,
            callback_group=group,
            cancel_callback=lambda _goal: CancelResponse.ACCEPT,
            goal_service_qos_profile=REQUEST,
            cancel_service_qos_profile=REQUEST,
            result_service_qos_profile=REQUEST,
        )

    def destroy(self) -> None:
        """Destroy the action server; the node destroys the service."""
        self._action.destroy()

    def _on_service(self, request: SegmentOnce.Request, answer: SegmentOnce.Response) -> SegmentOnce.Response:
        deadline = time.monotonic() + self._settings().request_timeout
        self._fill(answer, lambda: Request(checked(request.instruction), deadline=deadline))
        return answer

    def _on_goal(self, goal: Any) -> Segment.Result:
        answer = Segment.Result()
        stage: Callable[[str], None] = lambda name: goal.publish_feedback(Segment.Feedback(stage=name))  # noqa: E731
        stage("waiting")
        self._fill(answer, lambda: self._request_of(goal, stage))
        if answer.error_code == Segment.Result.ERROR_NONE:
            goal.succeed()
        elif answer.error_code == Segment.Result.ERROR_CANCELLED and goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.abort()
        return answer

    def _request_of(self, goal: Any, stage: Callable[[str], None]) -> Request:
        given = goal.request
        budget = given.time_budget.sec + given.time_budget.nanosec * 1e-9
        if budget < 0:
            raise InvalidInputError(
                f"time_budget is {budget:g} s; give more than 0, or 0 for request_timeout"
            )
        now = time.monotonic()
        return Request(
            instruction=checked(given.instruction),
            messages=_own_frame(given, now),
            deadline=now + (budget if budget > 0 else self._settings().request_timeout),
            target_frame=given.target_frame,
            cancelled=lambda: bool(goal.is_cancel_requested),
            on_stage=stage,
        )

    def _fill(self, answer: Any, make_request: Callable[[], Request]) -> None:
        """Write the result of the request, or its error, into the answer."""
        try:
            request = make_request()
            queue = self._queue()
            if queue is None:
                raise NotActiveError("the node is not active; see its lifecycle state and /diagnostics")
            queue.submit(request)
            answer.result = answer_of(request, queue)
        # A failure is answered with its code; an unexpected one gets ERROR_INTERNAL.
        except Exception as error:
            answer.error_code, answer.error_msg = error_code(error), str(error) or type(error).__name__
            answer.result.status = STATUS_ERROR
            self._counters.add(counter_name(error))


def answer_of(request: Request, queue: JobQueue) -> InstanceArray:
    """Wait for the answer of a submitted request until its deadline or cancellation.

    The limits hold even for a model that cannot be interrupted. Raises CancelledError, NoFrameError or
    TimeBudgetError when the budget runs out, NotActiveError, and what the work on it raised.
    """
    while not wait([request.answer], POLL_SECONDS).done:
        if request.cancelled():
            request.withdraw()
            raise CancelledError("the request was cancelled")
        if request.expired():
            waited = request.withdraw()
            if waited and queue.lacks_frame(request):
                raise NoFrameError
            when = (
                "while the stream or other requests were served"
                if waited
                else "before the answer was complete"
            )
            raise TimeBudgetError(f"the time budget ran out {when}")
        if queue.closed:
            request.withdraw()
            raise NotActiveError("the node was deactivated")
    return instance_array(request.answer.result())


def _own_frame(goal: Segment.Goal, now: float) -> FrameMessages | None:
    """Return the frame in a goal, or None for the newest. Raises InvalidInputError."""
    image, depth, info = (
        message if _is_filled(message) else None for message in (goal.image, goal.depth, goal.camera_info)
    )
    if image is not None:
        check_stamp(image, "the goal's image")
        return FrameMessages(image, depth, info, now)
    if depth is not None or info is not None:
        raise InvalidInputError(
            "the goal has depth or camera_info but no image; give the image too, or none of them "
            "for the newest frame"
        )
    return None


def _is_filled(message: Any) -> bool:
    """Return whether any field but the header of a message is set."""
    return bool(message != type(message)(header=message.header))


def checked(instruction: str) -> str:
    """Return the instruction without surrounding space. Raises InvalidInstructionError."""
    try:
        return check_instruction(instruction)
    except InvalidInputError as error:
        raise InvalidInstructionError(str(error)) from None
