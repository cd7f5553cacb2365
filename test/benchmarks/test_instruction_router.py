"""Benchmark of the router, on few instructions."""

import sys

import pytest

from benchmarks import instruction_router
from instructsam_ros.models.sam3i.router import Router
from instructsam_ros.training.instruction_router import accuracy


def test_it_prints_all_tables_and_writes_on_demand(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(instruction_router, "WEIGHTS", tmp_path / "router.json")
    monkeypatch.setattr(sys, "argv", ["instruction_router", "--rounds", "1", "--write"])
    instruction_router.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" (")[0] for line in lines] == [
        "held-out wordings",
        "other sentences",
        "later sentences",
    ]
    assert Router.from_json((tmp_path / "router.json").read_text()).weights


def test_the_sentences_that_the_rules_were_written_with_are_read():
    assert accuracy(Router.shipped(), instruction_router.OTHER_SENTENCES)["all"] == pytest.approx(1.0)
