from __future__ import annotations

import os
from pathlib import Path

import pytest

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.errors import InstructSamError


def test_content_is_on_the_disk_before_its_name(tmp_path, monkeypatch):
    """Or a power cut could leave an empty file under the name."""
    events = []
    monkeypatch.setattr(os, "fsync", lambda handle: events.append(os.readlink(f"/proc/self/fd/{handle}")))
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda *args: events.append("replace") or replace(*args))
    write_atomic(tmp_path / "a.txt", b"new")
    content, renamed, folder = events
    assert Path(content).name.startswith(".a.txt.")
    assert (renamed, folder) == ("replace", str(tmp_path))
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "file.bin"
    write_atomic(path, b"old")

    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(InstructSamError, match=r"cannot write .*file\.bin: no space"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]
