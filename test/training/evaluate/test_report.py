import numpy as np

from instructsam_ros.training.evaluate import InstructionCase, Prediction, evaluate_predictions
from instructsam_ros.training.evaluate.benchmark import BenchmarkItem
from instructsam_ros.training.evaluate.report import page, rows
from instructsam_ros.training.evaluate.runner import Evaluation, WorstCase

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
