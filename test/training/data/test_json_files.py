import pytest

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.json_files import read_json_object, read_text_table


def test_an_object_and_a_table(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"P01": {"left hand": "x"}}')
    assert read_json_object(path) == read_text_table(path) == {"P01": {"left hand": "x"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [("[]", "no JSON object"), ("{", "not valid JSON"), ("[" * 100_000, "not valid JSON"), (None, "No such")],
)
def test_another_file_is_an_error(tmp_path, text, message):
    path = tmp_path / "a.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_json_object(path)


@pytest.mark.parametrize("text", ['{"a": 1}', '{"a": {"b": 1}}'])
def test_a_table_of_other_values_is_an_error(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InvalidInputError, match="a is no JSON object of texts"):
        read_text_table(tmp_path / "a.json")
