import dataclasses
import json

import cv2
import numpy as np
import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import FORMATS
from instructsam_ros.training.evaluation.metrics import Metrics, Prediction, score_case
from instructsam_ros.training.evaluation.protocols import PROTOCOLS, protocol


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_names_a_reader_and_figures_that_exist(name):
    chosen = protocol(name)
    assert chosen.format in FORMATS
    assert chosen.columns[0] == "instructions"
    assert set(chosen.columns) <= {field.name for field in dataclasses.fields(Metrics)}
    assert len(set(chosen.columns)) == len(chosen.columns)


def test_an_unknown_protocol_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ConfigError, match=r"'coco' is no protocol; choose one of inst2seg, .*hmpl"):
        protocol("coco")


def test_hmpl_is_evaluated_on_the_first_text_of_each_level(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((8, 8, 3), np.uint8))
    texts = {"concept": ["cup", "mug"], "simple_query": ["the cup", "that cup"]}
    cup = {"id": 1, "image_id": 1, "segmentation": [[0, 0, 4, 0, 4, 4]]}
    content = {"images": [{"id": 1, "file_name": "a.png", "text_inst_input": texts}], "annotations": [cup]}
    (tmp_path / "set.json").write_text(json.dumps(content))
    values = {"annotations": tmp_path / "set.json", "images": tmp_path}
    samples = protocol("hmpl").samples(values, BrokenRecords())
    assert [sample.instruction for sample in samples] == ["cup", "the cup"]


def test_settings_that_a_reader_does_not_have_are_errors(tmp_path):
    values = {"annotations": tmp_path, "images": tmp_path, "split": "val"}
    with pytest.raises(ConfigError, match=r"eval: unknown setting split"):
        protocol("roborefit").samples(values, BrokenRecords())


@pytest.mark.parametrize("name", PROTOCOLS)
def test_only_hmpl_has_figures_of_a_convention_of_its_own(name):
    none = np.zeros((0, 4, 4), bool)
    score = score_case(none, Prediction(none, np.zeros(0)), {"level": "simple", "cardinality": "all"})
    expected = {"simple: gIoU": 0.0, "simple: P@50": 0.0} if name == "hmpl" else {}
    assert protocol(name).released([score]) == expected
