import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data import json_stream
from instructsam_ros.training.data.json_stream import stream_list, stream_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 1]), st.integers(1, 9))
def test_elements_are_those_of_json_whatever_the_chunks(tmp_path_factory, elements, indent, chunk):
    path = tmp_path_factory.mktemp("stream") / "list.json"
    path.write_text(json.dumps(elements, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert list(stream_list(path)) == elements


@settings(max_examples=50)
@given(st.dictionaries(st.text(), VALUES, max_size=5), st.sampled_from([None, 1]), st.integers(1, 9))
def test_members_are_those_of_json_and_lists_come_by_element(tmp_path_factory, members, indent, chunk):
    path = tmp_path_factory.mktemp("stream") / "object.json"
    path.write_text(json.dumps(members, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")
    expected = []
    for key, value in members.items():
        expected += [(key, element) for element in value] if isinstance(value, list) else [(key, value)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK", chunk)
        assert list(stream_object(path)) == expected


@pytest.mark.parametrize(
    "text", ["", "[", '{"a"}', '{"a" 1}', '{"a": 1,}', '{"a": [1}', '{"a": 1} 2', "{1: 2}", '{"a": 1 "b": 2}']
)
def test_a_damaged_object_is_an_error(tmp_path, text):
    path = tmp_path / "object.json"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match="not valid JSON"):
        list(stream_object(path))


def test_a_list_is_no_object(tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[1]")
    with pytest.raises(InvalidInputError, match="expected an object"):
        list(stream_object(path))


@pytest.mark.parametrize(
    "text", ["", "{", "[1", "[1,]", "[1 2]", "[1] 2", "[,1]", "[" * 100_000, "[\x00]", '["a]']
)
def test_damage_is_an_error(tmp_path, text):
    path = tmp_path / "list.json"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match="not valid JSON"):
        list(stream_list(path))


def test_what_is_no_list_or_no_file_is_an_error(tmp_path):
    path = tmp_path / "list.json"
    path.write_text('{"a": [1]}')
    with pytest.raises(InvalidInputError, match="expected a list"):
        list(stream_list(path))
    path.write_bytes(b'["\xff"]')
    with pytest.raises(InvalidInputError, match="not valid JSON"):
        list(stream_list(path))
    with pytest.raises(InvalidInputError, match="cannot read"):
        list(stream_list(tmp_path))


def test_elements_before_the_damage_come_first(tmp_path):
    path = tmp_path / "list.json"
    path.write_text("[1, 2, nothing")
    elements = stream_list(path)
    assert [next(elements), next(elements)] == [1, 2]
    with pytest.raises(InvalidInputError):
        next(elements)
