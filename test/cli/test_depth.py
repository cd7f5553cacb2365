"""Arguments of depth, as commands share them."""

import argparse

import pytest

from instructsam_ros.cli.depth import add_depth_arguments, check_depth_arguments
from instructsam_ros.errors import InvalidInputError


@pytest.mark.parametrize(
    ("arguments", "fits"),
    [
        ([], True),
        (["--depth", "a", "--info", "b"], True),
        (["--depth", "a"], False),
        (["--info", "b"], False),
    ],
)
def test_depth_and_its_camera_belong_together(arguments, fits):
    parser = argparse.ArgumentParser()
    add_depth_arguments(parser, "depth").add_argument("--image")
    args = parser.parse_args(arguments)
    assert not args.refine_with_depth
    if fits:
        check_depth_arguments(args)
    else:
        with pytest.raises(InvalidInputError, match="belong together"):
            check_depth_arguments(args)
