"""The package itself: loading by name, and imports only on use."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import instructsam_ros
from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.errors import ConfigError


def test_a_segmenter_is_loaded_with_the_options_of_its_backend() -> None:
    found = instructsam_ros.load("fake", device="cpu", slow=0.25)
    assert isinstance(found, FakeSegmenter)
    assert found.slow == 0.25


def test_unknown_backends_are_named() -> None:
    with pytest.raises(ConfigError, match="unknown backend 'none'; known: agent, fake, instructsam, onnx"):
        instructsam_ros.load("compact", backend="none")


def test_the_version_is_a_semantic_one() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", instructsam_ros.__version__)


def test_the_import_alone_is_light() -> None:
    program = "import sys, instructsam_ros; print(*{'torch', 'numpy', 'rclpy'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=instructsam_ros.__path__[0] + "/..",
    )
    assert done.stdout.strip() == ""
