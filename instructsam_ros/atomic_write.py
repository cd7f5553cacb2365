"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from instructsam_ros.errors import InstructSamError


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file by way of a temporary one beside it, so that readers never see a part of it.

    Raises InstructSamError where it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            os.chmod(temporary, 0o644)  # mkstemp makes it readable for its owner alone
            put_in_place(Path(temporary), path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise InstructSamError(f"cannot write {path}: {error}") from error


def put_in_place(temporary: Path, path: Path) -> None:
    """Give a file that is written its name, so that after a power cut the name holds the old one or the new
    one, whole. Both lie on one file system.
    """
    _to_disk(temporary)  # or the new name may come to the disk before the content
    temporary.replace(path)
    with suppress(OSError):  # some file systems cannot do this for a folder
        _to_disk(path.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
