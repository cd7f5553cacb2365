"""Runs of an engine: continuation, budget, failures."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from benchmarks.scripted_masks import ScriptedMasks
from instructsam_ros.errors import InvalidInputError
from instructsam_ros.training.data_engine.generate import Run, estimate, generate
from instructsam_ros.training.data_engine.hmpl.run import HmplEngine
from instructsam_ros.training.data_engine.inst2seg.run import Inst2SegEngine

ROOT = Path(__file__).parents[3]
SCRIPT = "import sys; from instructsam_ros.cli import main; sys.exit(main(sys.argv[1:]))"


def quiet(_):
    pass


def test_a_second_run_asks_nothing(serve, inst2seg, scenes):
    server = serve()
    config = inst2seg(server)
    first, _ = generate(Inst2SegEngine(config, ScriptedMasks(scenes)), quiet)
    asked = server.log.replies.total()
    content = (config.out / "annotations.json").read_bytes()
    (config.out / "journal" / "outcomes.jsonl").unlink()  # the cache of replies alone is enough
    second, _ = generate(Inst2SegEngine(config, ScriptedMasks(scenes)), quiet)
    assert server.log.replies.total() == asked
    assert second["spent"] == first["spent"]
    assert (config.out / "annotations.json").read_bytes() == content


def test_a_limit_ends_the_run_and_a_higher_one_continues_it(serve, hmpl):
    server = serve()
    report, _ = generate(HmplEngine(hmpl(server, limits={"calls": 5, "parallel": 2})), quiet)
    assert "limits.calls" in report["stopped"]
    assert report["spent"]["calls"] <= 5
    assert server.log.replies.total() <= 5
    assert report["waiting"] > 0
    report, _ = generate(HmplEngine(hmpl(server)), quiet)
    assert not report["stopped"]
    assert report["records"] == 6
    assert server.log.replies.total() == 12


def test_replies_of_the_wrong_form_are_asked_again_and_then_parked(serve, hmpl):
    server = serve(broken=1.0)
    report, _ = generate(HmplEngine(hmpl(server, limits={"replies": 2})), quiet)
    assert report["states"] == {"parked": 6}
    assert "JSON" in report["left"][0]["problem"]
    assert server.log.broken == 12


def test_a_refusing_and_a_hanging_server_are_asked_again(serve, hmpl, monkeypatch):
    monkeypatch.setattr("benchmarks.scripted_vlm.HANG_SECONDS", 0.6)
    server = serve(refused=0.3, hang=0.2)
    config = hmpl(server)
    object.__setattr__(config.vlm.server, "timeout", 0.5)
    object.__setattr__(config.vlm.server, "retries", 20)
    report, _ = generate(HmplEngine(config), quiet)
    assert report["records"] == 6
    assert server.log.refused + server.log.hung > 0
    assert report["spent"]["calls"] >= 12 + server.log.refused


def test_a_failing_server_is_reported_and_asked_by_the_next_run(serve, hmpl):
    config = hmpl(serve(refused=1.0))
    object.__setattr__(config.vlm.server, "retries", 1)
    report, _ = generate(HmplEngine(config), quiet)
    assert report["states"] == {"failed": 6}
    assert "429" in report["left"][0]["problem"]
    report, _ = generate(HmplEngine(hmpl(serve())), quiet)
    assert report["states"] == {"done": 6}


def test_the_estimate_counts_what_is_left(serve, inst2seg, scenes):
    config = inst2seg(serve())
    engine = Inst2SegEngine(config, ScriptedMasks(scenes))
    before = estimate(engine)
    assert (before.items, before.left, before.usage.calls) == (3, 3, 3 * len(engine.calls))
    assert before.usage.money > 0
    generate(engine, quiet)
    after = estimate(engine)
    assert (after.items, after.left, after.usage.calls) == (3, 0, 0)
    assert after.spent.calls > 0


def test_one_run_at_a_time_works_in_a_folder(serve, hmpl):
    engine = HmplEngine(hmpl(serve()))
    run = Run(engine)
    with pytest.raises(InvalidInputError, match="another process"):
        generate(engine, quiet)
    run.close()


def test_a_killed_run_neither_loses_nor_repeats_a_paid_call(serve, tmp_path):
    server = serve()
    sets = [
        {"format": "scenes", "root": str(ROOT / "instructsam_ros/data/scenes"), "nouns": True, "views": 6}
    ]
    values = {
        "sets": sets,
        "images": 3,
        "objects": 0,
        "pixels": 20,
        "vlm": {"server": {"url": server.url, "model": "scripted"}},
        "out": str(tmp_path / "out"),
        "limits": {"parallel": 1, "calls_per_minute": 300},
    }
    config = tmp_path / "hmpl.yaml"
    config.write_text(yaml.safe_dump(values))
    command = [sys.executable, "-c", SCRIPT, "data", "generate", "hmpl", str(config)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = tmp_path / "out" / "journal" / "calls.jsonl"
    while process.poll() is None and not (journal.exists() and journal.read_text().count('"result"') >= 3):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    paid = journal.read_text().count('"kind":"result"')
    assert paid >= 3
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    records = [json.loads(line) for line in journal.open()]
    results = [record["key"] for record in records if record["kind"] == "result"]
    assert len(results) == len(set(results))
    lost = sum(record["kind"] == "begin" for record in records) - len(results)
    assert lost <= 1
    assert len(results) <= server.log.replies.total() <= len(results) + lost
    assert "0 items left" in finished.stdout
