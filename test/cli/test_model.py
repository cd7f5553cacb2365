"""The arguments of commands that choose a model."""

from __future__ import annotations

import argparse

import pytest

from instructsam_ros.backends.fake import FakeSegmenter
from instructsam_ros.cli.model import add_model_arguments, load_model
from instructsam_ros.errors import ConfigError


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_model_arguments(parser)
    return parser.parse_args(arguments)


def test_the_compact_model_is_the_default() -> None:
    args = parse()
    assert (args.model, args.device, args.model_options) == ("compact", "auto", "")


def test_options_reach_the_backend_and_those_of_the_command_win() -> None:
    args = parse("--model", "fake", "--model-options", "{slow: 0.5, fail: true}")
    found = load_model(args, slow=0.25)
    assert isinstance(found, FakeSegmenter)
    assert (found.slow, found.fail) == (0.25, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{device: cpu}", "device has an argument of its own: --device"),
        ("{model: fake}", "--model"),
        ("{1: 2}", "no name of an option"),
        ("{on: 2}", "no name of an option"),
        ("{backend: ':load'}", "unknown backend"),
        ("fail", "--model-options must be a mapping"),
        ("{speed: 9}", "unexpected keyword argument 'speed'"),
    ],
)
def test_unusable_options_are_named(options: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_model(parse("--model", "fake", "--model-options", options))
