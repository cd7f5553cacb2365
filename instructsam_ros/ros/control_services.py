"""Services that steer the stream: switch, named instructions, samples, another model."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup
from rclpy.node import Node
from std_srvs.srv import SetBool

from instructsam_ros.errors import ConfigError, InstructSamError
from instructsam_ros.ros.input.persistent_inputs import PersistentInputs
from instructsam_ros.ros.parameters import NodeSettings
from instructsam_ros.ros.processor import FrameResult
from instructsam_ros.ros.qos import REQUEST
from instructsam_ros.ros.request_servers import checked
from instructsam_ros.ros.sample_writer import write_sample
from instructsam_ros.srv import NamedInstruction, SaveSample, SetModel


class ControlServices:
    """Servers, until the node is destroyed; every failure is told in the reply.

    clear: called when the stream stops. last: returns the last result of the active instruction. set_model:
    gets values of parameters, and returns why the model could not be loaded, or "". transitions: the group
    in which that runs, so that it excludes lifecycle transitions.
    """

    def __init__(
        self,
        node: Node,
        inputs: PersistentInputs,
        settings: Callable[[], NodeSettings],
        *,
        clear: Callable[[], None],
        last: Callable[[], FrameResult | None],
        set_model: Callable[[dict[str, Any]], str],
        transitions: CallbackGroup,
    ) -> None:
        self._inputs = inputs
        self._settings = settings
        self._clear = clear
        self._last = last
        self._set_model = set_model
        own = MutuallyExclusiveCallbackGroup()
        for kind, name, answer, group in (
            (SetBool, "set_enabled", self._on_enabled, own),
            (NamedInstruction, "instructions", self._on_instruction, own),
            (SaveSample, "save_sample", self._on_sample, own),
            (SetModel, "set_model", self._on_model, transitions),
        ):
            node.create_service(
                kind, f"~/{name}", _reporting(answer), qos_profile=REQUEST, callback_group=group
            )

    def _on_enabled(self, request: SetBool.Request, reply: SetBool.Response) -> None:
        self._inputs.set_enabled(request.data)
        if not request.data:
            self._clear()
        reply.message = "enabled" if request.data else "disabled; requests are answered all the same"

    def _on_instruction(self, request: NamedInstruction.Request, reply: NamedInstruction.Response) -> None:
        try:
            if request.name:
                text = request.instruction.strip()
                self._inputs.set_named(request.name, checked(text) if text else "")
            elif request.instruction:
                raise ConfigError("the instruction needs a name; the active one is set on the topic")
        finally:
            reply.names, reply.instructions = map(list, (named := self._inputs.named, named.values()))

    def _on_sample(self, request: SaveSample.Request, reply: SaveSample.Response) -> None:
        settings, last = self._settings(), self._last()
        if not settings.sample_folder:
            raise ConfigError("there is no sample_folder; start the node with one")
        if last is None:
            raise InstructSamError("no frame has been answered yet for the active instruction")
        parent = Path(settings.sample_folder).expanduser()
        reply.folder = str(write_sample(last, parent, request.name, dataclasses.asdict(settings)))

    def _on_model(self, request: SetModel.Request, reply: SetModel.Response) -> None:
        given = {key: getattr(request, key) for key in ("model", "backend", "device", "model_options")}
        changes = {key: value for key, value in given.items() if value}
        if not changes:
            raise ConfigError("name the model, or another device, backend or model_options")
        if reason := self._set_model(changes):
            raise ConfigError(reason)
        reply.message = f"loaded {self._settings().model}"


def _reporting(answer: Callable[[Any, Any], None]) -> Callable[[Any, Any], Any]:
    """Return a callback that fills success, and the message of a failure."""

    @functools.wraps(answer)
    def callback(request: Any, reply: Any) -> Any:
        try:
            answer(request, reply)
            reply.success = True
        except Exception as error:  # the client has to get a reply to any error
            reply.success, reply.message = False, str(error) or type(error).__name__
        return reply

    return callback
