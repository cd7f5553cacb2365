import json

import numpy as np

from instructsam_ros.training.evaluation.comparison import comparison, write_comparison
from instructsam_ros.training.evaluation.metrics import Prediction, score_case, summarise

TRUTH = np.ones((1, 4, 4), bool)
NONE = Prediction(np.zeros((0, 4, 4), bool), np.zeros(0))
RIGHT = Prediction(TRUTH, np.ones(1))


def test_models_stand_below_each_other_with_their_figures(tmp_path):
    found = {"good": summarise([score_case(TRUTH, RIGHT)]), "b|d": summarise([score_case(TRUTH, NONE)])}
    columns = ("instructions", "giou", "ap50")
    lines = comparison(found, columns).splitlines()
    assert lines[2] == "| model | n | gIoU | AP50 |"
    assert lines[4].startswith("| good | 1 | 100.0 [100.0, 100.0] |")
    assert lines[5].startswith("| b\\|d | 1 | 0.0 [0.0, 0.0] |")
    write_comparison(found, columns, tmp_path)
    assert json.loads((tmp_path / "comparison.json").read_text())["good"]["giou"] == 1
    assert (tmp_path / "comparison.md").read_text() == comparison(found, columns)
