import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.csv_files import read_rows


def test_rows_come_by_the_names_of_their_columns(tmp_path):
    (tmp_path / "a.csv").write_text('key,n\n"a, b",1\nc,2\n', encoding="utf-8-sig")
    assert read_rows(tmp_path / "a.csv", lambda row: (row["key"], int(row["n"])), "table") == [
        ("a, b", 1),
        ("c", 2),
    ]


@pytest.mark.parametrize("content", [b"a\n1\n", b"n\nx\n", b"n\n\xff\n", b"a,n\n1\n", b"n\n\0\n"])
def test_another_file_is_an_error(tmp_path, content):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InvalidInputError, match=r"a\.csv is no table of numbers"):
        read_rows(tmp_path / "a.csv", lambda row: int(row["n"]), "table of numbers")
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_rows(tmp_path / "b.csv", lambda row: row, "table")


def test_values_nested_without_end_are_an_error(tmp_path):
    import ast

    (tmp_path / "a.csv").write_text("n\n" + "[" * 20_000 + "]" * 20_000)
    with pytest.raises(InvalidInputError, match="is no table"):
        read_rows(tmp_path / "a.csv", lambda row: ast.literal_eval(row["n"]), "table")
