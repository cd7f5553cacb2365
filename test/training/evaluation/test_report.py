import io
import json

import numpy as np
from PIL import Image

import instructsam_ros
from instructsam_ros.training.data.broken_records import BrokenRecords
from instructsam_ros.training.data.registry import parse_data_set
from instructsam_ros.training.evaluation.evaluator import WIDEST, Evaluation, WorstCase, evaluate
from instructsam_ros.training.evaluation.metrics import Prediction, score_case, summarise
from instructsam_ros.training.evaluation.report import COLUMNS, groups, markdown, page, rows

NONE = np.zeros((0, 4, 4), bool)


def metrics(level="a"):
    return summarise([score_case(NONE, Prediction(NONE, np.zeros(0)), {"level": level})])


def test_undefined_figures_are_dashes_and_every_row_is_full():
    header, *body = rows("", groups(metrics()), tuple(COLUMNS))
    assert [row[0] for row in body] == ["all", "level: a", "targets: 0"]
    assert {len(row) for row in body} == {len(header)}
    assert body[0][header.index("AP50")] == "-"
    assert body[0][header.index("N-acc.")] == "100.0 [100.0, 100.0]"


def test_the_columns_of_a_protocol_are_shown_in_its_order():
    header, first, *_ = rows("", groups(metrics()), ("instructions", "p50", "giou"))
    assert (header, first[1]) == (["", "n", "P@50", "gIoU"], "1")
    table = [line for line in markdown(metrics(), {}, ("p50",)).splitlines() if line.startswith("|")]
    assert table[:2] == ["|  | P@50 |", "| --- | ---: |"]
    assert "<th>cIoU" not in page(Evaluation(metrics(), 1, 0, ()), {}, ("giou",))


def test_text_from_the_benchmark_cannot_break_the_page():
    text = "<script>alert(1)</script>"
    case = WorstCase(1.0, 0, "<img>.png", text, 0, {"level": "<i>"}, "a", (("<b>", 0.5),), b"")
    text = page(Evaluation(metrics(), 1, 0, (case,)), {"model": "<model>"})
    for raw in ("<script>", "<i>", "<img>", "<b></", "<model>"):
        assert raw not in text
    assert "&lt;script&gt;" in text


def test_a_line_break_in_a_label_does_not_break_the_table():
    odd = metrics("x|y\nz")
    table = [line for line in markdown(odd, {}).splitlines() if line.startswith("|")]
    assert len(table) == len(groups(odd)) + 2
    assert any("x\\|y z" in line for line in table)


def test_a_picture_wider_than_jpeg_can_be_is_shown_smaller(tmp_path):
    Image.fromarray(np.zeros((3, 33000, 3), np.uint8)).save(tmp_path / "wide.png")
    asked = {"text": "the mug", "mask": [[[0, 0, 9, 0, 9, 3]]]}
    entry = {"image": "wide.png", "width": 33000, "height": 3, "annotation": [asked]}
    (tmp_path / "file.json").write_text(json.dumps([entry]))
    segmenter = instructsam_ros.load("fake", device="cpu")
    values = {"format": "inst2seg", "annotations": tmp_path / "file.json", "images": tmp_path}
    samples = parse_data_set(values, "test").read(BrokenRecords())
    (case,) = evaluate(segmenter, samples, worst=1).worst
    assert Image.open(io.BytesIO(case.jpeg)).width == WIDEST
