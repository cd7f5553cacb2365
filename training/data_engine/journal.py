"""Append-only file of records by key, which survives a process that is killed at any moment."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from instructsam_ros.errors import InstructSamError, InvalidInputError

Record = dict[str, Any]


class Journal:
    """A JSON object a line. A record is on the disk before ``add`` returns; threads may share an object.

    others: journals of other processes, whose records count, too. Only one process may have a file open;
    raises InvalidInputError for a second one, and for a file with a damaged line. A last line without an end,
    which a killed process leaves, is cut off.
    """

    def __init__(self, path: Path, others: Iterable[Path] = ()) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise InvalidInputError(f"another process is writing {path}; wait until it has ended") from None
        self._lock = threading.Lock()
        read = [record for other in others if other != path for record in read_journal(other)]
        self._records: list[Record] = read + list(self._read())
        self._by_key = {record["key"]: record for record in self._records if record.get("kind") == "result"}

    def get(self, key: str) -> Record | None:
        """The result of a key, None where there is none."""
        return self._by_key.get(key)

    def records(self) -> list[Record]:
        """All records, in the order of writing."""
        with self._lock:
            return list(self._records)

    def add(self, key: str, kind: str, **values: Any) -> None:
        """Write a record. kind: "result" for what ``get`` returns from now on. Raises InstructSamError."""
        record = {"key": key, "kind": kind, **values}
        line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                self._file.write(line)
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise InstructSamError(f"cannot write {self.path}: {error}") from error
            self._records.append(record)
            if kind == "result":
                self._by_key[key] = record

    def close(self) -> None:
        """Let other processes have the file."""
        self._file.close()

    def _read(self) -> Iterator[Record]:
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file, 1):
            if not line.endswith(b"\n"):
                self._file.truncate(whole)
                return
            whole += len(line)
            yield _parse(line, f"{self.path}:{number}")


def read_journal(path: Path) -> Iterator[Record]:
    """Read a journal that another process may be writing. Raises InvalidInputError for a damaged line."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.endswith(b"\n"):
                yield _parse(line, f"{path}:{number}")


def _parse(line: bytes, where: str) -> Record:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict) or not {"key", "kind"} <= record.keys():
        raise InvalidInputError(f"{where} is damaged; remove the line to have its call made again")
    return record
