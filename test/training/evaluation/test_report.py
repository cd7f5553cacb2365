import io
import json

import numpy as np
from PIL import Image

import instructsam_ros
from instructsam_ros.training.data.inst2seg import BenchmarkItem, load_inst2seg
from instructsam_ros.training.evaluation import InstructionCase, Prediction, evaluate_predictions
from instructsam_ros.training.evaluation.evaluator import WIDEST, Evaluation, WorstCase, evaluate
from instructsam_ros.training.evaluation.report import markdown, page, rows

NONE = np.zeros((0, 4, 4), bool)


def metrics():
    return evaluate_predictions([InstructionCase(NONE, {"level": "a"})], [Prediction(NONE, np.zeros(0))])


def test_undefined_figures_are_dashes_and_every_row_is_full():
    header, *body = rows(metrics())
    assert [row[0] for row in body] == ["all", "level: a", "targets: 0"]
    assert {len(row) for row in body} == {len(header)}
    assert body[0][header.index("AP50")] == "-"
    assert body[0][header.index("no-target acc.")] == "100.0 [100.0, 100.0]"


def test_text_from_the_benchmark_cannot_break_the_page():
    item = BenchmarkItem("<script>alert(1)</script>", (), {"level": "<i>"})
    case = WorstCase(1.0, 0, "<img>.png", item, "a", (("<b>", 0.5),), b"")
    text = page(Evaluation(metrics(), 1, (case,)), {"model": "<model>"})
    for raw in ("<script>", "<i>", "<img>", "<b></", "<model>"):
        assert raw not in text
    assert "&lt;script&gt;" in text


def test_a_line_break_in_a_label_does_not_break_the_table():
    odd = evaluate_predictions([InstructionCase(NONE, {"level": "x|y\nz"})], [Prediction(NONE, np.zeros(0))])
    table = [line for line in markdown(odd, {}).splitlines() if line.startswith("|")]
    assert len(table) == len(rows(odd)) + 1
    assert any("x\\|y z" in line for line in table)


def test_a_picture_wider_than_jpeg_can_be_is_shown_smaller(tmp_path):
    Image.fromarray(np.zeros((3, 33000, 3), np.uint8)).save(tmp_path / "wide.png")
    asked = {"text": "the mug", "mask": [[[0, 0, 9, 0, 9, 3]]]}
    entry = {"image": "wide.png", "width": 33000, "height": 3, "annotation": [asked]}
    (tmp_path / "file.json").write_text(json.dumps([entry]))
    segmenter = instructsam_ros.load("fake", device="cpu")
    (case,) = evaluate(segmenter, load_inst2seg(tmp_path / "file.json", tmp_path), worst=1).worst
    assert Image.open(io.BytesIO(case.jpeg)).width == WIDEST
