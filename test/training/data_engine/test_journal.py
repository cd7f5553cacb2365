"""Records survive a cut; one process at a time."""

import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data_engine.journal import Journal, read_journal


def test_records_are_read_again_and_a_torn_line_is_cut_off(tmp_path):
    path = tmp_path / "calls.jsonl"
    journal = Journal(path)
    journal.add("a", "begin", tokens=1)
    journal.add("a", "result", text="tea")
    journal.close()
    with path.open("ab") as file:
        file.write(b'{"key":"b","kind":"resu')
    again = Journal(path)
    assert again.get("a") == {"key": "a", "kind": "result", "text": "tea"}
    assert again.get("b") is None
    again.add("b", "result", text="milk")
    assert [record["key"] for record in read_journal(path)] == ["a", "a", "b"]
    again.close()


def test_a_damaged_line_is_named(tmp_path):
    path = tmp_path / "calls.jsonl"
    path.write_text('{"key":"a","kind":"result"}\nrubbish\n')
    with pytest.raises(InvalidInputError, match=r"calls\.jsonl:2"):
        Journal(path)


def test_other_journals_count_too(tmp_path):
    other = Journal(tmp_path / "other.jsonl")
    other.add("a", "result", text="tea")
    journal = Journal(tmp_path / "mine.jsonl", [tmp_path / "other.jsonl", tmp_path / "mine.jsonl"])
    assert journal.get("a")["text"] == "tea"
    assert (tmp_path / "mine.jsonl").read_bytes() == b""


def test_a_second_process_is_refused(tmp_path):
    journal = Journal(tmp_path / "calls.jsonl")
    with pytest.raises(InvalidInputError, match="another process"):
        Journal(tmp_path / "calls.jsonl")
    journal.close()
    Journal(tmp_path / "calls.jsonl").close()
