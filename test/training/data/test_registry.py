from pathlib import Path

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data.readers import inst2seg
from instructsam_ros.training.data.registry import parse_data_set, parse_source


def test_a_command_line_names_format_and_settings_and_the_path_is_the_first_of_them():
    (found,) = parse_source(Path("set.json"), ["inst2seg", "images=frames", "weight=2"])
    assert (found.format, found.weight) == ("inst2seg", 2.0)
    assert found.settings == inst2seg.Settings(Path("set.json"), Path("frames"))


def test_a_file_names_several_sets(tmp_path):
    path = tmp_path / "sets.yaml"
    path.write_text("sets:\n- {format: inst2seg, annotations: a, images: b}\n- {format: scenes, root: c}\n")
    assert [found.format for found in parse_source(path, [])] == ["inst2seg", "scenes"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sets: [a]", "expected one key, sets"),
        ("sets: 3", "expected one key, sets"),
        ("[1]", "expected one key, sets"),
        ("sets: []", "is empty"),
        ("sets: [{format: scenes, root: c}]\nbatch: 3", "expected one key, sets"),
        ("sets: [{format: scenes}]", r"sets\[0\]: missing setting root"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, text, message):
    path = tmp_path / "sets.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        parse_source(path, [])


def test_a_training_file_holds_all_sets_that_it_trains_and_evaluates_on(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(
        "model: compact\ndata: {roots: [a, b], sets: [{format: shards, path: c}]}\n"
        "evaluation: {sets: [{format: scenes, root: d, views: 3}]}\n"
    )
    found = parse_source(path, [], training_file=True)
    assert [(each.format, str(each.path)) for each in found] == [
        ("scenes", "a"),
        ("scenes", "b"),
        ("shards", "c"),
        ("scenes", "d"),
    ]
    assert found[-1].settings.views == 3
    with pytest.raises(ConfigError, match="expected one key"):
        parse_source(path, [])  # a conversion would mix both
    path.write_text("data: 3\nevaluation: {root: d}\n")
    with pytest.raises(ConfigError, match=r"\.data: expected a mapping"):
        parse_source(path, [], training_file=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [([], "name its format"), (["cocoa"], "not one of"), (["inst2seg", "imges=b"], "unknown setting imges")],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        parse_source(Path("set.json"), options)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"instructions": 2}, {"instructions": 4}, True),
        ({"annotations": "b.json"}, {}, False),
        ({"annotations": "x/../a.json"}, {}, True),
    ],
)
def test_sets_with_records_of_one_file_overlap(first, second, same):
    values = {"format": "coco", "annotations": "a.json", "images": "images"}
    one, other = (parse_data_set({**values, **changes}, "test") for changes in (first, second))
    assert one.overlaps(other) == other.overlaps(one) == same


def test_splits_of_one_file_do_not_overlap():
    values = {"format": "refcoco", "annotations": "refs.p", "images": "images"}
    splits = ({"split": "train"}, {"split": "val"}, {})
    train, val, every = (parse_data_set(values | split, "test") for split in splits)
    assert not train.overlaps(val)
    assert train.overlaps(every)
    assert every.overlaps(val)
