"""From camera to answer over DDS in three processes, against the model alone and beside a busy process.

    python -m benchmarks.node_latency

Under six minutes. Camera (replay_camera_node), segment_node and client run in processes of their own, on
one sample scene. Latency is from the image's stamp to the arrival of ~/instances; "rest" is all of it but
the model's own stages: transport, waiting for the worker, decoding, lifting, publishing. "of alone" is the
answers per second against the same model on the same picture in a process without ROS, in the same run.
Stages are the medians of /diagnostics. Set a variable of instructsam_ros/process_defaults.py to compare
another value.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.command import positive_int, run
from benchmarks.process_usage import ProcessUsage
from instructsam_ros.paths import DATA
from instructsam_ros.process_defaults import set_process_defaults
from instructsam_ros.ros.domain import reserve_domain
from instructsam_ros.ros.node_main import use_shipped_profile
from instructsam_ros.ros.node_process import NodeProcess
from instructsam_ros.scenes.dataset import load_view

INSTRUCTION = "all the mugs"
SCENE = DATA / "scenes" / "000003.jpg"
SIZES = ((640, 480), (1280, 720))
RATES = (5, 30)
MODEL_STAGES = ("encode", "generate", "masks")
SETTLE = 3.0
FIRST_ANSWER = 120.0
BUSY = "while True: pass"


@dataclass(frozen=True)
class Scene:
    """Files of the sample scene at one size, and options of the fake model for three instances in it."""

    image: Path
    depth: Path
    info: Path
    fake_options: str


@dataclass
class Measured:
    """What one run measured: seconds, answers per second, share of a core, MiB.

    latencies, rests: of every answer. stages: medians in ms, from /diagnostics.
    """

    first_answer: float
    rate: float
    cpu: float
    memory: float
    latencies: list[float]
    rests: list[float]
    instances: int
    stages: dict[str, float] = field(default_factory=dict)


def write_scene(folder: Path, width: int, height: int) -> Scene:
    """Write the sample scene at a size."""
    view = load_view(SCENE)
    image, depth_file, info = (folder / f"{width}_{name}" for name in ("image.png", "depth.png", "info.json"))
    old_height, old_width = view.ids.shape
    cv2.imwrite(str(image), cv2.cvtColor(cv2.resize(view.rgb, (width, height)), cv2.COLOR_RGB2BGR))
    depth = (1000 * view.depth).astype(np.uint16)
    cv2.imwrite(str(depth_file), cv2.resize(depth, (width, height), interpolation=cv2.INTER_NEAREST))
    across, down = width / old_width, height / old_height
    scales = {"fx": across, "cx": across, "fy": down, "cy": down}
    intrinsics = {name: view.meta["K"][name] * scale for name, scale in scales.items()}
    info.write_text(json.dumps({**intrinsics, "width": width, "height": height}))
    ids = cv2.resize(view.ids, (width, height), interpolation=cv2.INTER_NEAREST)
    found, areas = np.unique(ids[(ids > 0) & (ids < 200)], return_counts=True)
    largest = found[np.argsort(-areas)][:3].tolist()
    ids_file = folder / f"{width}_ids.png"
    cv2.imwrite(str(ids_file), ids)
    names = ", ".join(f"{number}: mug" for number in largest)
    return Scene(image, depth_file, info, f"{{ids: {ids_file}, names: {{{names}}}}}")


def alone(model: str, image: Path, seconds: float) -> float:
    """Measure answers per second to an active instruction without ROS, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer_alone, args=(model, str(image), seconds, theirs), daemon=True)
    process.start()
    try:
        return float(ours.recv())
    finally:
        process.join()


def _answer_alone(model: str, image: str, seconds: float, connection: Any) -> None:
    from instructsam_ros.pictures import read_picture
    from instructsam_ros.segmenter import load

    segmenter, rgb = load(model), read_picture(Path(image))
    if rgb is None:
        raise FileNotFoundError(image)
    previous, count, start = None, 0, time.monotonic() + SETTLE
    while (now := time.monotonic()) < start + seconds:
        previous = segmenter.segment(segmenter.encode(rgb), INSTRUCTION, previous=previous)
        count += now >= start
    connection.send(count / (now - start))


class Listener:
    """Client of the node in this process: answers as they arrive, and the newest diagnostics."""

    def __init__(self) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.executors import SingleThreadedExecutor

        from instructsam_ros.msg import InstanceArray
        from instructsam_ros.ros.qos import OUTPUT

        self._context = rclpy.Context()
        rclpy.init(context=self._context)
        self._node = rclpy.create_node("latency_client", context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._node.create_subscription(InstanceArray, "segment_node/instances", self._on_answer, OUTPUT)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 5)
        self.answers: list[tuple[float, float, int]] = []
        self.values: dict[str, str] = {}

    def listen(self, seconds: float, until_answer: bool = False) -> None:
        """Listen for some seconds, or until the first answer."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not (until_answer and self.answers):
            self._executor.spin_once(timeout_sec=min(left, 0.1))

    def close(self) -> None:
        import rclpy

        self._executor.shutdown()
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def _on_answer(self, message: Any) -> None:
        stamp = message.header.stamp
        latency = time.time() - stamp.sec - 1e-9 * stamp.nanosec
        model = sum(timing.seconds for timing in message.timings if timing.stage in MODEL_STAGES)
        self.answers.append((latency, latency - model, len(message.instances)))

    def _on_diagnostics(self, message: Any) -> None:
        self.values = {item.key: item.value for status in message.status for item in status.values}


def measure(model: str, scene: Scene, hertz: int, seconds: float, logs: Path) -> Measured:
    """Start node, camera and client, and measure after the first answer and some seconds more."""
    listener, number = Listener(), len(list(logs.iterdir()))
    parameters: dict[str, Any] = {"model": model, "instruction": INSTRUCTION}
    if model == "fake":
        parameters["model_options"] = scene.fake_options
    camera = {
        "image": str(scene.image),
        "depth": str(scene.depth),
        "info": str(scene.info),
        "rate": float(hertz),
    }
    started = time.monotonic()
    with ExitStack() as stack:
        stack.callback(listener.close)
        node = stack.enter_context(
            NodeProcess("instructsam_ros.ros.segment_node", parameters, logs / f"{number}n")
        )
        stack.enter_context(
            NodeProcess("instructsam_ros.ros.cameras.replay_camera_node", camera, logs / f"{number}c")
        )
        listener.listen(FIRST_ANSWER, until_answer=True)
        node.check()
        first = time.monotonic() - started
        listener.listen(SETTLE)
        listener.answers.clear()
        usage = ProcessUsage(node.pid)
        listener.listen(seconds)
        answers, cpu, memory = list(listener.answers), usage.cores(), usage.memory_mib()
    if not answers:
        raise TimeoutError(f"no answer from the node within {FIRST_ANSWER:g} s: {node.tail()}")
    latencies, rests, counts = (list(column) for column in zip(*answers, strict=True))
    medians = {
        k.removesuffix("_p50_ms"): float(v) for k, v in listener.values.items() if k.endswith("_p50_ms")
    }
    rate = len(answers) / seconds
    return Measured(first, rate, cpu, memory, latencies, rests, int(np.median(counts)), medians)


@contextmanager
def busy_process() -> Iterator[None]:
    """Keep one core busy with another process."""
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        process.kill()
        process.wait()


COLUMNS = {"model": 8, "size": 9, "Hz": 3, "beside": 6, "answers/s": 9, "of alone": 8, "p50 ms": 6} | {
    "p95 ms": 6,
    "rest p50": 8,
    "CPU %": 5,
    "MiB": 5,
    "first s": 7,
    "found": 5,
}
"""Title of each column of the table and its width."""


def line(*cells: str) -> str:
    """Format the cells of one line of the table."""
    return "  ".join(cell.rjust(width) for cell, width in zip(cells, COLUMNS.values(), strict=False))


def row(name: str, size: str, hertz: int, beside: str, measured: Measured, whole: float | None) -> str:
    """Format one run. whole: answers per second of the model alone, None where nobody asks."""
    p50, p95 = (1e3 * float(np.percentile(measured.latencies, q)) for q in (50, 95))
    rest = 1e3 * float(np.median(measured.rests))
    return line(
        *(name, size, str(hertz), beside, f"{measured.rate:.1f}"),
        *("" if not whole else f"{measured.rate / whole:.2f}", f"{p50:.0f}", f"{p95:.0f}", f"{rest:.1f}"),
        *(f"{100 * measured.cpu:.0f}", f"{measured.memory:.0f}", f"{measured.first_answer:.1f}"),
        str(measured.instances),
    )


def stage_rows(runs: Mapping[str, Measured]) -> Iterator[str]:
    """Format the stages of all runs."""
    stages = list(dict.fromkeys(itertools.chain.from_iterable(run.stages for run in runs.values())))
    yield "stage p50, ms".ljust(22) + "".join(f"{stage:>10s}" for stage in stages)
    for name, measured in runs.items():
        yield name.ljust(22) + "".join(
            f"{measured.stages.get(stage, float('nan')):10.1f}" for stage in stages
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", default="compact", help="model beside the fake one")
    parser.add_argument("--seconds", type=positive_int, default=10, help="of each measurement (default 10)")
    args = parser.parse_args()
    set_process_defaults()
    os.environ["ROS_DOMAIN_ID"] = str(reserve_domain())
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    use_shipped_profile()
    print(f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}, {args.seconds} s each")
    print(line(*COLUMNS), flush=True)
    runs: dict[str, Measured] = {}
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder, "logs")
        logs.mkdir()
        for width, height in SIZES:
            scene, size = write_scene(Path(folder), width, height), f"{width}x{height}"
            for beside in ("", "busy") if (width, height) == SIZES[0] else ("",):
                with busy_process() if beside else nullcontext():
                    whole = alone(args.model, scene.image, args.seconds)
                    print(line(args.model, size, "-", beside, f"{whole:.1f}", "alone"), flush=True)
                    # Beside the busy process one run answers the question.
                    plan = (
                        [(args.model, 30)] if beside else list(itertools.product(("fake", args.model), RATES))
                    )
                    for model, hertz in plan:
                        measured = measure(model, scene, hertz, args.seconds, logs)
                        runs[f"{model} {size} {hertz} {beside}".strip()] = measured
                        base = whole if model == args.model else None
                        print(row(model, size, hertz, beside, measured, base), flush=True)
    print()
    print("\n".join(stage_rows(runs)))


if __name__ == "__main__":
    run(main)
