import contextlib
import os
import pickle
from collections import OrderedDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data.coco.safe_pickle import load_plain_pickle

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.frozensets(st.integers()),
    max_leaves=8,
)


class Call:
    """Pickled as a call of a function."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def dumped(tmp_path, content):
    path = tmp_path / "a.p"
    path.write_bytes(content)
    return path


@settings(max_examples=40)
@given(value=plain, protocol=st.integers(3, pickle.HIGHEST_PROTOCOL))
def test_plain_values_come_back(tmp_path_factory, value, protocol):
    path = dumped(tmp_path_factory.mktemp("pickle"), pickle.dumps(value, protocol))
    assert load_plain_pickle(path) == value


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Call(os.mkdir, "made"), r"posix\.mkdir"),
        (Call(eval, "1"), r"builtins\.eval"),
        (Call(getattr, "", "join"), r"builtins\.getattr"),
        (Call(print, "x"), r"builtins\.print"),
        (OrderedDict(), r"collections\.OrderedDict"),
        (Call(type, "x"), r"builtins\.type"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_is_refused_by_its_name_and_not_run(tmp_path, monkeypatch, value, name, protocol):
    monkeypatch.chdir(tmp_path)
    path = dumped(tmp_path, pickle.dumps([value], protocol))
    name = name.replace("builtins", "(builtins|__builtin__)")
    with pytest.raises(InvalidInputError, match=rf"refused to read the pickle .*a\.p: it names {name}"):
        load_plain_pickle(path)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content", [b"", b"\x80", b"not a pickle", pickle.dumps([1, 2])[:-3], b"\x80\x04\x82\x01."]
)
def test_a_damaged_pickle_is_an_error(tmp_path, content):
    with pytest.raises(InvalidInputError, match="is not a valid pickle"):
        load_plain_pickle(dumped(tmp_path, content))


@given(st.binary(max_size=40))
def test_any_bytes_raise_no_other_error(tmp_path_factory, content):
    with contextlib.suppress(InvalidInputError):
        load_plain_pickle(dumped(tmp_path_factory.mktemp("pickle"), content))


def test_a_missing_pickle_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match="cannot read the annotations"):
        load_plain_pickle(tmp_path / "none.p")
