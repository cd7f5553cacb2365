"""Limits on the size of source files and the length of lines, and a test file for every source file."""

from __future__ import annotations

import ast
import re
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_LINES = 350
MAX_LINE_LENGTH = 120
# The package holds training/ as a link, which rglob does not follow.
SOURCES = sorted(
    chain.from_iterable((ROOT / f).rglob("*.py") for f in ("instructsam_ros", "training", "benchmarks"))
)
TESTED_ELSEWHERE = {
    "instructsam_ros/ros/cameras/replay_camera_node.py": "test/cli/test_demo.py",
    "instructsam_ros/ros/client.py": "test/cli/test_demo.py",
}
"""Source files without a test file of their name: nodes and a client, which are tested as processes."""


def has_functions(path: Path) -> bool:
    return any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(path.read_text())))


def mirrored(source: Path) -> Path:
    """Return the test file of a source file; that of a package's __init__.py has the package's name."""
    name = source.parent.name if source.name == "__init__.py" else source.stem
    folder = source.relative_to(ROOT).parent
    beside = folder.relative_to("instructsam_ros") if folder.parts[0] == "instructsam_ros" else folder
    return ROOT / "test" / beside / f"test_{name}.py"


def test_every_source_file_with_functions_has_a_test_file():
    missing = {
        path.relative_to(ROOT).as_posix()
        for path in SOURCES
        if has_functions(path) and not mirrored(path).exists()
    }
    assert missing == set(TESTED_ELSEWHERE), "write the test file, or shorten the list"


def test_source_files_are_short():
    assert len(SOURCES) > 100
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {path: length for path, length in lengths.items() if length >= MAX_LINES}


def test_ruff_keeps_lines_of_code_short():
    (limit,) = re.findall(r"^line-length = (\d+)$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert int(limit) < MAX_LINE_LENGTH
