"""Limits on the size of source files and the length of lines, and a test file for every source file."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_LINES = 350
MAX_LINE_LENGTH = 120
# The package holds training/ as a link, which rglob does not follow.
SOURCES = sorted(chain((ROOT / "instructsam_ros").rglob("*.py"), (ROOT / "training").rglob("*.py")))
NOT_YET = ("instructsam_ros/scenes", "training/data", "training/evaluation", "training/validation.py")
"""Where a source file may lack a test file of its name."""
TESTED_ELSEWHERE = {
    "instructsam_ros/__init__.py": "names alone",
    "instructsam_ros/cli/__init__.py": "by the test of every command",
    "instructsam_ros/cli/export.py": "test/models/instructsam/test_onnx_export.py",
    "instructsam_ros/cli/model.py": "test/cli/test_segment.py",
    "instructsam_ros/cli/train.py": "test/training/test_trainer.py",
    "instructsam_ros/errors.py": "classes without behaviour",
    "instructsam_ros/lifting/__init__.py": "names alone",
    "instructsam_ros/lifting/instance_cloud.py": "test/lifting/test_lift.py",
    "instructsam_ros/lifting/settings.py": "test/lifting/test_lift.py",
    "instructsam_ros/models/cpu/__init__.py": "a docstring alone",
    "instructsam_ros/models/instructsam/__init__.py": "a docstring alone",
    "instructsam_ros/models/instructsam/compact/detector.py": "test_pointer.py beside its place",
    "instructsam_ros/models/instructsam/compact/image_encoder.py": "test/models/cpu/test_optimize.py",
    "instructsam_ros/models/instructsam/compact/tokenizer.py": "test/models/instructsam/test_processing.py",
    "instructsam_ros/models/instructsam/features.py": "test/models/instructsam/test_generation.py",
    "instructsam_ros/models/instructsam/inference_mode.py": "test/models/instructsam/test_configuration.py",
    "instructsam_ros/models/instructsam/modeling.py": "test/models/instructsam/test_generation.py",
    "instructsam_ros/models/instructsam/onnx_graphs.py": "test/models/instructsam/test_onnx_export.py",
    "instructsam_ros/models/instructsam/validation.py": "test/models/instructsam/test_configuration.py",
    "instructsam_ros/ros/__init__.py": "a docstring alone",
    "instructsam_ros/ros/cameras/camera_node.py": "test/ros/cameras/test_rendered_camera_node.py",
    "instructsam_ros/ros/cameras/replay_camera_node.py": "test/cli/test_demo.py",
    "instructsam_ros/ros/cameras/scene_renderer.py": "test/ros/cameras/test_rendered_camera_node.py",
    "instructsam_ros/ros/client.py": "test/cli/test_demo.py",
    "instructsam_ros/ros/conversions/__init__.py": "names alone",
    "instructsam_ros/ros/errors.py": "test/ros/test_bad_input.py",
    "instructsam_ros/ros/output/markers.py": "test/ros/output/test_publishers.py",
    "instructsam_ros/ros/output/messages.py": "test/ros/output/test_message_reader.py",
    "instructsam_ros/ros/output/vision_msgs.py": "test/ros/output/test_publishers.py",
    "instructsam_ros/ros/qos.py": "test/ros/input/test_subscriptions.py",
    "instructsam_ros/segmenter.py": "test/test_segmenter_contract.py",
    "training/objectives/__init__.py": "test/training/test_trainer.py",
    "training/objectives/compact/losses.py": "test_forward.py beside its place",
    "training/objectives/compact/objective.py": "test/training/test_trainer.py",
    "training/objectives/compact/targets.py": "test_forward.py beside its place",
}
"""Source files without a test file of their name, and why."""


def test_every_source_file_has_a_test_file():
    missing = set()
    for path in SOURCES:
        name = path.relative_to(ROOT)
        beside = name.relative_to("instructsam_ros") if name.parts[0] == "instructsam_ros" else name
        test = ROOT / "test" / beside.with_name(f"test_{name.name}")
        if path.stat().st_size and not test.exists() and not name.as_posix().startswith(NOT_YET):
            missing.add(name.as_posix())
    assert missing == set(TESTED_ELSEWHERE), "write the test file, or shorten the list"


def test_source_files_are_short():
    assert len(SOURCES) > 100
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {path: length for path, length in lengths.items() if length >= MAX_LINES}


def test_ruff_keeps_lines_of_code_short():
    (limit,) = re.findall(r"^line-length = (\d+)$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert int(limit) < MAX_LINE_LENGTH
