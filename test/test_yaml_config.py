from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.yaml_config import build, load_yaml, parse_mapping


@dataclass(frozen=True)
class Inner:
    RENAMED_KEYS: ClassVar[dict[str, str]] = {"velocity": "rate"}

    rate: float = 1.0

    def __post_init__(self):
        if self.rate <= 0:
            raise ValueError("rate must be positive")


@dataclass(frozen=True)
class Outer:
    name: str
    count: int = 2
    active: bool = False
    kind: Literal["a", "b"] = "a"
    size: tuple[int, int] = (1, 2)
    steps: tuple[float, ...] = ()
    folder: Path | None = None
    inner: Inner = field(default_factory=Inner)
    weights: dict[str, float] = field(default_factory=dict)
    extra: Any = None


def test_every_kind_of_value_is_read(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "{name: x, count: 3, active: true, kind: b, size: [4, 5], steps: [1, 2.5], folder: /data,"
        " inner: {rate: 2}, weights: {mask: 3}, extra: [1]}"
    )
    assert load_yaml(Outer, path) == Outer(
        "x", 3, True, "b", (4, 5), (1.0, 2.5), Path("/data"), Inner(2.0), {"mask": 3.0}, [1]
    )


def test_a_former_key_is_read_as_the_current_one():
    assert build(Outer, {"name": "x", "inner": {"velocity": 3}}) == Outer("x", inner=Inner(3.0))


def test_a_former_and_a_current_key_together_are_an_error():
    with pytest.raises(ConfigError, match=r"config\.inner: velocity and rate are the same setting"):
        build(Outer, {"name": "x", "inner": {"velocity": 3, "rate": 3}})


def test_what_is_not_given_has_its_default():
    assert build(Outer, {"name": "x", "folder": None}) == Outer("x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nmae": "x"}, "unknown setting nmae"),
        ({True: 1, 7: 2}, "unknown setting 7, True"),
        ({"count": 2.5}, r"config\.count: expected int"),
        ({"count": True}, r"config\.count: expected int"),
        ({"active": 1}, r"config\.active: expected bool"),
        ({"kind": "c"}, r"config\.kind: 'c' is not one of 'a', 'b'"),
        ({"size": [1]}, r"config\.size: expected 2 values, got 1"),
        ({"size": 3}, r"config\.size: expected a list"),
        ({"kind": False}, r"False is not one of 'a', 'b'; YAML reads .* put it in quotes"),
        ({"name": False}, r"config\.name: expected str, got False; .* put it in quotes"),
        ({"inner": {"rate": float("inf")}}, r"config\.inner\.rate: expected a finite number, got inf"),
        ({"steps": ["nan"]}, r"config\.steps\[0\]: expected a finite number, got 'nan'"),
        ({"inner": {"rate": 10**400}}, r"config\.inner\.rate: expected a number"),
        ({"steps": [1, "x"]}, r"config\.steps\[1\]: expected a number, got 'x'"),
        ({"inner": {"rate": -1}}, r"config\.inner: rate must be positive"),
        ({"inner": {"speed": 1}}, r"config\.inner: unknown setting speed"),
        ({"inner": 3}, r"config\.inner: expected a mapping"),
        ({"weights": [1]}, r"config\.weights: expected a mapping"),
    ],
)
def test_a_wrong_value_is_named(change, message):
    with pytest.raises(ConfigError, match=message):
        build(Outer, {"name": "x"} | change)


def test_a_missing_value_is_named():
    with pytest.raises(ConfigError, match="missing setting name"):
        build(Outer, {})


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ConfigError, match="no configuration file"):
        load_yaml(Outer, tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    for text in ("name: [x", "name: 2001-99-99", "name: !!int a", "[" * 5000):
        broken.write_text(text)
        with pytest.raises(ConfigError, match=r"broken\.yaml is not valid YAML"):
            load_yaml(Outer, broken)
    for text, kind in (("- a list", "list"), ("0", "int")):
        broken.write_text(text)
        with pytest.raises(ConfigError, match=f"expected a mapping of settings, got {kind}"):
            load_yaml(Outer, broken)
    broken.write_bytes(b"name: \xff")
    for path in (broken, tmp_path):
        with pytest.raises(ConfigError, match="cannot read"):
            load_yaml(Outer, path)


@pytest.mark.parametrize("text", ["name: x\nname: y", "{name: x, inner: {rate: 1, rate: 2}}"])
def test_a_key_that_is_there_twice_is_named(tmp_path, text):
    path = tmp_path / "twice.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"'(name|rate)' is there twice"):
        load_yaml(Outer, path)
    with pytest.raises(ConfigError, match="is there twice"):
        parse_mapping(text, "options")


def test_a_key_may_replace_what_is_merged():
    text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}"
    assert parse_mapping(text, "options")["c"] == {"x": 3, "y": 1}


def test_an_empty_file_is_all_defaults(tmp_path):
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert load_yaml(Inner, path) == Inner()


@dataclass(frozen=True)
class InnerOverridden:
    rate: float = 1.0


@dataclass(frozen=True)
class Overridden:
    inner: InnerOverridden = field(default_factory=InnerOverridden)
    names: tuple[str, ...] = ()
    steps: int = 1


def test_overrides_replace_values_of_the_file(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("steps: 3\ninner: {rate: 2}\n")
    found = load_yaml(Overridden, path, ["inner.rate=1e-4", "names=[a, b]", "steps=7"])
    assert found == Overridden(InnerOverridden(1e-4), ("a", "b"), 7)
    path.write_text("")
    assert load_yaml(Overridden, path, ["inner.rate=3"]).inner.rate == 3.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inner.rat=1", r"inner: unknown setting rat; known: rate"),
        ("step=1", r"unknown setting step;"),
        ("steps", r"'steps' is no override; write key=value"),
        ("inner..rate=1", r"is no override"),
        ("steps.of=1", r"'steps.of=1': steps holds no keys"),
        ("steps=[", r"steps is not valid YAML"),
        ("inner.rate=fast", r"inner\.rate: expected a number, got 'fast'"),
    ],
)
def test_wrong_overrides_are_named(tmp_path, text, message):
    path = tmp_path / "a.yaml"
    path.write_text("steps: 3\n")
    with pytest.raises(ConfigError, match=message):
        load_yaml(Overridden, path, [text])
