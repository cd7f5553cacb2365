"""Processes that evaluate together answer every instruction once."""

import json

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from instructsam_ros.cli import main
from instructsam_ros.training.data.sample import Sample
from instructsam_ros.training.evaluation.processes import own_share
from test.forks import fork_ranks


def samples(images):
    return [
        Sample(image, lambda: np.zeros((1, 1, 3), np.uint8), f"{image} {number}", ())
        for image, count in images
        for number in range(count)
    ]


@given(st.lists(st.integers(1, 4), max_size=8), st.integers(1, 5))
def test_shares_hold_every_sample_once_and_no_image_twice(counts, processes):
    everything = samples([(f"{place}.png", count) for place, count in enumerate(counts)])
    shares = [list(own_share(everything, process, processes)) for process in range(processes)]
    together = sorted((position, sample.instruction) for share in shares for position, sample in share)
    assert together == [(position, sample.instruction) for position, sample in enumerate(everything)]
    images = [image for share in shares for image in {sample.image for _, sample in share}]
    assert len(images) == len(set(images))


def test_two_processes_give_the_figures_of_one(tmp_path):
    for number in range(3):  # so that shares differ in length
        image = np.zeros((20, 30, 3), np.uint8)
        image[5 : 10 + number, 5:15] = (0, 0, 255)
        cv2.imwrite(str(tmp_path / f"{number}.png"), image)
    item = {"text": "the red one", "mask": [[[5, 5, 15, 5, 15, 10, 5, 10]]]}
    entries = [
        {"image": f"{number}.png", "height": 20, "width": 30, "annotation": [item]} for number in range(3)
    ]
    (tmp_path / "set.json").write_text(json.dumps(entries))
    arguments = ["--annotations", str(tmp_path / "set.json"), "--images", str(tmp_path), "--model", "fake"]
    arguments += ["--device", "cpu"]
    assert main(["eval", *arguments, "--out", str(tmp_path / "one")]) == 0
    fork_ranks(2, main, ["eval", *arguments, "--out", str(tmp_path / "two")], folder=tmp_path)
    one, two = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("one", "two"))
    assert two["about"]["images"] == "3"
    assert two["metrics"]["instructions"] == 3
    assert {k: v for k, v in two["metrics"].items() if k not in ("intervals", "by_label")} == {
        k: v for k, v in one["metrics"].items() if k not in ("intervals", "by_label")
    }
