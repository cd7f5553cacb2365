import io
import tarfile

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.tar_members import tar_archives, tar_members

CONTENTS = {"a.jpg": b"x" * 700, "a.json": b"{}", "b.jpg": b"y" * 512, "b.json": b"[1]"}
"""Blocks of 512 bytes: headers are 0, 3, 5 and 7, contents 1 to 2, 4, 6 and 8."""


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for name, content in CONTENTS.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def read(path):
    broken = BrokenRecords()
    return {member.name: member for member in tar_members(path, broken)}, broken.problems


def test_members_are_read_in_any_order(archive):
    members, problems = read(archive)
    assert not problems
    for name in reversed(CONTENTS):
        assert members[name].read_bytes() == CONTENTS[name]
        assert members[name].open().read() == CONTENTS[name]
    assert str(members["a.jpg"]) == f"{archive}/a.jpg"


@pytest.mark.parametrize(("block", "lost"), [(0, "a.jpg"), (3, "a.json"), (5, "b.jpg"), (7, "b.json")])
def test_a_damaged_header_is_named_and_the_others_are_found(archive, block, lost):
    data = bytearray(archive.read_bytes())
    data[512 * block : 512 * block + 512] = b"?" * 512
    archive.write_bytes(data)
    members, problems = read(archive)
    assert members.keys() == CONTENTS.keys() - {lost}
    assert len(problems) == 1
    assert f"byte {512 * block}: the archive is damaged" in problems[0]


def test_an_archive_that_breaks_off_is_named(archive):
    archive.write_bytes(archive.read_bytes()[: 512 * 6 + 100])
    members, problems = read(archive)
    assert len(problems) == 1
    assert "within its last member" in problems[0]
    assert members["a.jpg"].read_bytes() == CONTENTS["a.jpg"]
    with pytest.raises(EOFError, match=r"b\.jpg"):
        members["b.jpg"].read_bytes()
    with pytest.raises(InvalidInputError, match="cannot decode"):
        members["b.jpg"].read()


def test_links_and_folders_are_no_files(tmp_path):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.DIRTYPE):
            member = tarfile.TarInfo("x")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    assert read(path) == ({}, [])


def test_what_is_no_archive_is_refused(tmp_path, archive):
    (tmp_path / "b.tar").write_bytes(b"no archive" * 100)
    with pytest.raises(InvalidInputError, match="not a tar archive"):
        read(tmp_path / "b.tar")
    assert tar_archives(tmp_path) == [archive, tmp_path / "b.tar"]
    assert tar_archives(archive) == [archive]
    with pytest.raises(InvalidInputError, match="no tar archive"):
        tar_archives(tmp_path / "none")
