"""Limits on the size of source files and on the length of lines."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_LINES = 350
MAX_LINE_LENGTH = 120
# The package holds training/ as a link, which rglob does not follow.
SOURCES = sorted(chain((ROOT / "instructsam_ros").rglob("*.py"), (ROOT / "training").rglob("*.py")))


def test_source_files_are_short():
    assert len(SOURCES) > 100
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in SOURCES}
    assert not {path: length for path, length in lengths.items() if length >= MAX_LINES}


def test_ruff_keeps_lines_of_code_short():
    (limit,) = re.findall(r"^line-length = (\d+)$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert int(limit) < MAX_LINE_LENGTH
