"""What starts our processes: defaults before numpy, and a quiet end on Ctrl-C."""

import os
import subprocess
import sys

import pytest

from instructsam_ros.process_defaults import DEFAULTS

STARTED = """
import os, sys
from instructsam_ros import {imported}
assert "numpy" not in sys.modules
print(*(os.environ.get(name, "-") for name in {names}))
"""
INTERRUPTED = """
import importlib, sys
from instructsam_ros import programs

def import_module(name):
    assert "numpy" not in sys.modules
    raise KeyboardInterrupt

importlib.import_module = import_module
sys.exit(programs.{program}())
"""


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in DEFAULTS}


def test_a_library_that_is_imported_sets_nothing():
    code = STARTED.format(imported="programs, segmenter", names=list(DEFAULTS)).replace('assert "numpy"', "#")
    done = subprocess.run([sys.executable, "-c", code], env=clean(), capture_output=True, text=True)
    assert done.stdout.split() == ["-"] * len(DEFAULTS), done.stderr


@pytest.mark.parametrize(
    "program", ["instructsam", "segment_node", "replay_camera_node", "rendered_camera_node"]
)
def test_ctrl_c_during_the_imports_ends_quietly(program):
    code = INTERRUPTED.format(program=program)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_python_m_sets_the_defaults_before_numpy_loads():
    code = (
        "import runpy, os, instructsam_ros.programs as programs\n"
        "programs.importlib.import_module = lambda name: print(name, os.environ['OPENBLAS_NUM_THREADS'])\n"
        "runpy.run_module('instructsam_ros.ros.cameras.replay_camera_node', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=clean(), capture_output=True, text=True)
    assert done.stdout.split() == ["instructsam_ros.ros.cameras.replay_camera_node", "1"], done.stderr
