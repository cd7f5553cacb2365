"""Members of tar archives by their place: read in any order without unpacking; damage is found and named."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.image_files import EncodedImage

BLOCK = tarfile.BLOCKSIZE
CHUNK = 1 << 20


@dataclass(frozen=True)
class TarMember(EncodedImage):
    """A file inside a tar archive. offset, length: of its content, in bytes."""

    archive: Path
    name: str
    offset: int
    length: int

    @property
    def key(self) -> str:
        """The name up to its first full stop, which files of one sample have in common (webdataset)."""
        folder, slash, name = self.name.rpartition("/")
        return folder + slash + name.partition(".")[0]

    def read_bytes(self) -> bytes:
        """Read the content. Raises OSError, and EOFError where the archive ends before it."""
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            content = file.read(self.length)
        if len(content) < self.length:
            raise EOFError(f"the archive ends within {self.name}")
        return content

    def open(self) -> BinaryIO:
        """Open the content in memory."""
        return io.BytesIO(self.read_bytes())

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"


def tar_archives(path: Path) -> list[Path]:
    """The archives of a folder, sorted by name, or the one archive ``path``.

    Raises InvalidInputError where there is none.
    """
    found = sorted(path.glob("*.tar")) if path.is_dir() else [path] * path.is_file()
    if not found:
        raise InvalidInputError(f"there is no tar archive at {path}")
    return found


def tar_members(archive: Path, broken: BrokenRecords) -> Iterator[TarMember]:
    """Iterate over the files of an archive. What is damaged between them is a broken record.

    Raises InvalidInputError for a file that is no tar archive.
    """
    end = 0
    try:
        # ignore_zeros also skips damaged headers, where tarfile otherwise stops as at the end of an archive
        with tarfile.open(archive, "r:", ignore_zeros=True) as tar:
            for member in tar:
                if problem := _damage(archive, end, member.offset):
                    broken.add(archive, f"byte {end}", problem)
                end = member.offset_data + -(-member.size // BLOCK) * BLOCK
                if member.isfile():
                    yield TarMember(archive, member.name, member.offset_data, member.size)
    except tarfile.TarError as error:
        if not end:
            raise InvalidInputError(f"{archive} is not a tar archive: {error}") from None
    except OSError as error:
        raise InvalidInputError(f"cannot read {archive}: {error.strerror}") from None
    if problem := _damage(archive, end, archive.stat().st_size):
        if not end:
            raise InvalidInputError(f"{archive} is not a tar archive")
        broken.add(archive, f"byte {end}", problem)


def _damage(archive: Path, start: int, end: int) -> str:
    """What is wrong with the bytes from the end of a member to the next, which should be zeros, if any."""
    if end < start:
        return f"the archive ends at byte {end}, within its last member"
    with archive.open("rb") as file:
        file.seek(start)
        while start < end and (chunk := file.read(min(end - start, CHUNK))):
            if chunk.strip(b"\0"):
                return f"the archive is damaged up to byte {end}"
            start += len(chunk)
    return ""
