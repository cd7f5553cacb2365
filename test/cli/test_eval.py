import json
import re

import cv2
import numpy as np
import pytest
import yaml

from instructsam_ros.cli import main
from instructsam_ros.cli.eval import weights_hash
from instructsam_ros.models.common.safetensors_folder import TensorFiles, weights_sha256


@pytest.fixture
def benchmark(tmp_path):
    """Two images of a red square; the fake model finds it, and never finds 'the cup'."""
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        image = np.zeros((40, 60, 3), np.uint8)
        image[10:20, 10:30] = (0, 0, 255)  # BGR
        cv2.imwrite(str(tmp_path / "images" / name), image)
    square = [[10, 10, 30, 10, 30, 20, 10, 20]]
    items = [
        {"text": "the red <b> | one", "mask": square, "level": "simple"},
        {"text": "the cup", "mask": square, "level": "complex"},
        {"text": "the green one"},
    ]
    entries = [{"image": n, "height": 40, "width": 60, "annotation": items} for n in ("a.png", "b.png")]
    (tmp_path / "set.json").write_text(json.dumps(entries))
    return tmp_path


def evaluate(folder, *options):
    paths = {"annotations": "set.json", "images": "images", "out": "out"}
    arguments = [part for name, path in paths.items() for part in (f"--{name}", str(folder / path))]
    return main(["eval", "--model", "fake", *arguments, *options])


def test_report_of_known_answers(benchmark, capsys):
    assert evaluate(benchmark) == 0
    report = json.loads((benchmark / "out/metrics.json").read_text())
    metrics = report["metrics"]
    assert report["about"]["model"] == "fake"
    assert report["about"]["weights"] == "none"
    assert report["about"]["torch"].startswith("2.")
    assert (metrics["instructions"], metrics["no_target_accuracy"], metrics["precision"]) == (6, 1, 1)
    assert metrics["giou"] == pytest.approx(2 / 3)
    assert (metrics["ap50"], metrics["recall"], metrics["target_accuracy"]) == (0.5, 0.5, 0.5)
    assert {k: v["giou"] for k, v in metrics["by_label"]["level"].items()} == {"simple": 1, "complex": 0}
    table = (benchmark / "out/metrics.md").read_text()
    assert table in capsys.readouterr().out
    assert re.search(r"\| level: simple \| 2 \| 100\.0 \[100\.0, 100\.0\] \| 100\.0 ", table)


def test_options_of_the_model_are_used_and_reported(benchmark, capsys):
    assert evaluate(benchmark, "--model-options", "{phrase: odd}") != 0
    assert "phrase" in capsys.readouterr().err
    assert evaluate(benchmark, "--model-options", "{}") == 0
    assert json.loads((benchmark / "out/metrics.json").read_text())["about"]["model"] == "fake"


def test_page_shows_the_worst_cases_with_pictures_that_exist(benchmark):
    evaluate(benchmark)
    page = (benchmark / "out/index.html").read_text()
    pictures = re.findall(r'src="([^"]+)"', page)
    assert pictures == ["cases/001.jpg", "cases/002.jpg"]  # the cup, twice
    assert page.count("the cup") == 2
    assert "no target" in page
    for picture in pictures:
        assert cv2.imread(str(benchmark / "out" / picture)).shape == (40, 120, 3)


def test_cases_that_are_as_bad_as_each_other_come_from_all_of_the_set(benchmark):
    entry = json.loads((benchmark / "set.json").read_text())[0]
    wrong = [{**entry["annotation"][1], "text": f"cup number {number}"} for number in range(40)]
    (benchmark / "set.json").write_text(json.dumps([{**entry, "annotation": wrong}]))
    assert evaluate(benchmark, "--worst", "10") == 0
    shown = [
        int(n) for n in re.findall(r"<b>cup number (\d+)</b>", (benchmark / "out/index.html").read_text())
    ]
    assert len(shown) == 10
    assert min(shown) < 20 <= max(shown)


def test_limit_and_number_of_worst_cases(benchmark):
    assert evaluate(benchmark) == 0
    assert evaluate(benchmark, "--limit", "5", "--worst", "1") == 0
    assert json.loads((benchmark / "out/metrics.json").read_text())["metrics"]["instructions"] == 5
    assert [p.name for p in (benchmark / "out/cases").iterdir()] == ["001.jpg"]  # none left of the first run
    assert evaluate(benchmark, "--limit", "1", "--worst", "1") == 0
    assert json.loads((benchmark / "out/metrics.json").read_text())["about"]["images"] == "1"


def test_broken_records_are_named_skipped_and_reported(benchmark, caplog):
    (benchmark / "images/b.png").unlink()
    assert evaluate(benchmark) == 0
    assert "set.json: [1]: there is no image" in caplog.text
    about = json.loads((benchmark / "out/metrics.json").read_text())["about"]
    assert (about["instructions"], about["broken records"]) == ("3", "1")


def test_bad_sets_end_with_a_sentence_and_status_2(benchmark, capsys):
    entry = json.loads((benchmark / "set.json").read_text())[0]
    (benchmark / "set.json").write_text(json.dumps([{**entry, "image": "absent.png"}] * 30))
    assert evaluate(benchmark) == 2
    assert "11 broken besides 0 usable" in capsys.readouterr().err
    (benchmark / "set.json").write_text("[]")
    assert evaluate(benchmark) == 2
    assert "no instructions" in capsys.readouterr().err


def test_pictures_of_the_user_stay_where_they_are(benchmark):
    (benchmark / "out/cases").mkdir(parents=True)
    for name in ("holiday.jpg", "001.jpg"):
        (benchmark / "out/cases" / name).write_text("mine")
    assert evaluate(benchmark, "--worst", "1") == 0
    assert (benchmark / "out/cases/holiday.jpg").read_text() == "mine"
    (benchmark / "out/cases/099.jpg").write_text("of an earlier report")
    assert evaluate(benchmark, "--worst", "1") == 0
    assert {p.name for p in (benchmark / "out/cases").iterdir()} == {"holiday.jpg", "001.jpg"}


def test_what_would_fail_at_the_end_fails_at_once(benchmark, capsys, monkeypatch):
    monkeypatch.setattr("instructsam_ros.cli.eval.load", lambda *_, **__: pytest.fail("began"))
    (benchmark / "out").write_text("a file")
    assert evaluate(benchmark) == 2
    assert "out" in capsys.readouterr().err
    assert evaluate(benchmark, "--seed", "-1") == 2
    assert evaluate(benchmark, "--protocol", "coco") == 2
    assert "'coco' is no protocol" in capsys.readouterr().err


def test_a_file_names_several_models_and_overrides_change_it(benchmark, capsys):
    config = {
        "data": {"annotations": str(benchmark / "set.json"), "images": str(benchmark / "images")},
        "out": str(benchmark / "table"),
        "models": [{"model": "fake", "device": "cpu"}, {"model": "fake", "name": "again", "device": "cpu"}],
        "limit": 1,
    }
    (benchmark / "eval.yaml").write_text(yaml.safe_dump(config))
    assert main(["eval", str(benchmark / "eval.yaml"), "limit=4", "worst=0"]) == 0
    rows = [
        line.split("|")[1:4]
        for line in (benchmark / "table/comparison.md").read_text().splitlines()
        if line.startswith(("| fake", "| again"))
    ]
    assert [(name.strip(), count.strip()) for name, count, _ in rows] == [("fake", "4"), ("again", "4")]
    assert (benchmark / "table/again/index.html").exists()
    assert not list((benchmark / "table").rglob("*.jpg"))
    assert "comparison" not in capsys.readouterr().err
    assert main(["eval", str(benchmark / "eval.yaml"), "modles=[]"]) == 2
    assert "unknown setting modles" in capsys.readouterr().err


def test_overrides_need_no_file(benchmark):
    data = {"annotations": str(benchmark / "set.json"), "images": str(benchmark / "images")}
    arguments = [f"data={json.dumps(data)}", f"out={benchmark / 'direct'}", "--model", "fake"]
    assert main(["eval", *arguments, "--device", "cpu"]) == 0
    assert (benchmark / "direct/metrics.json").exists()


def test_the_report_names_the_weights(tiny_folder):
    with TensorFiles(tiny_folder) as tensors:
        assert weights_hash(str(tiny_folder), {}) == weights_sha256(tensors)[:12]
    assert len(weights_hash("compact", {})) == 12


def test_masks_are_refined_where_the_file_says_so(benchmark, capsys):
    """A red square that is the half of what stands out from a wall; the truth is the whole."""
    depth = np.full((40, 60), 800, np.uint16)
    depth[10:20, 10:50] = 700
    cv2.imwrite(str(benchmark / "images" / "depth.png"), depth)
    camera = {"fx": 50, "fy": 50, "cx": 30, "cy": 20, "width": 60, "height": 40}
    (benchmark / "images" / "camera.json").write_text(json.dumps(camera))
    whole = [[10, 10, 50, 10, 50, 20, 10, 20]]
    entry = {"image": "a.png", "height": 40, "width": 60, "depth": "depth.png", "camera": "camera.json"}
    entry["annotation"] = [{"text": "the red thing", "mask": whole}]
    (benchmark / "set.json").write_text(json.dumps([entry]))
    settings = {
        "models": [{"model": "fake"}],
        "data": {"annotations": str(benchmark / "set.json"), "images": str(benchmark / "images")},
        "out": str(benchmark / "out"),
        "refine_with_depth": True,
    }
    (benchmark / "eval.yaml").write_text(yaml.safe_dump(settings))
    found = []
    for override in ([], ["refine_with_depth=false"]):
        assert main(["eval", str(benchmark / "eval.yaml"), *override]) == 0
        report = json.loads((benchmark / "out/metrics.json").read_text())
        found.append((report["about"]["refined with depth"], report["metrics"]["giou"]))
    assert found[0][0] == "yes"
    assert found[0][1] > 0.7
    assert found[1] == ("no", 0.5)
