"""An engine with two workers of Ray on this machine."""

import json

import pytest
import yaml

from instructsam_ros.paths import DATA
from instructsam_ros.training.data_engine.ray_run import generate_on_ray, spent


def test_two_workers_make_what_one_process_makes_and_a_second_run_asks_nothing(serve, tmp_path, monkeypatch):
    pytest.importorskip("ray.data", reason="needs ray (pip install 'instructsam-ros[ray]')")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    server = serve()
    config = tmp_path / "hmpl.yaml"
    values = {
        "sets": [{"format": "scenes", "root": str(DATA / "scenes"), "nouns": True, "views": 6}],
        "images": 3,
        "objects": 2,
        "vlm": {"server": {"url": server.url, "model": "scripted"}},
        "out": str(tmp_path / "out"),
    }
    config.write_text(yaml.safe_dump(values))
    report, sets = generate_on_ray(("hmpl", config, ()), "local", 2)
    assert report["items"] == sum(report["states"].values()) == 6
    assert report["waiting"] == 0
    assert sets
    journals = list((tmp_path / "out" / "journal").glob("calls-*.jsonl"))
    assert len(journals) == 2
    records = [json.loads(line) for path in journals for line in path.open()]
    results = [record["key"] for record in records if record["kind"] == "result"]
    assert len(results) == len(set(results)) == server.log.replies.total()
    assert spent(tmp_path / "out").calls == report["spent"]["calls"] == len(results)
    again, _ = generate_on_ray(("hmpl", config, ()), "local", 2)
    assert again["records"] == report["records"]
    assert server.log.replies.total() == len(results)
