"""The example of docs/backends.md works as printed."""

import re
from pathlib import Path

import numpy as np

from instructsam_ros.segmenter import Segmenter
from instructsam_ros.types import Status

GUIDE = Path(__file__).parents[2] / "docs" / "backends.md"


def test_example_keeps_the_contract():
    (code, _) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    namespace = {"__name__": "example"}
    exec(code, namespace)
    segmenter = namespace["load"]("any", "cpu")
    assert isinstance(segmenter, Segmenter)
    rgb = np.zeros((20, 30, 3), np.uint8)
    assert segmenter.segment_image(rgb, "it").status == Status.NO_TARGET
    rgb[5:9, 10:12] = 255
    (found,) = segmenter.segment_image(rgb, "it").instances
    assert found.box.tolist() == [10, 5, 12, 9]
