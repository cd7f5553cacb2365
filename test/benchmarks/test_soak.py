"""Turns of the soak, without a node."""

from types import SimpleNamespace

from benchmarks import soak
from benchmarks.soak import INSTRUCTIONS_PER_SECOND, TURN, take_turns
from test.ros.clock import stopped_clock


def test_turns_are_cycles_then_instructions_then_the_camera_alone(monkeypatch):
    clock = stopped_clock(monkeypatch, soak)
    begun, done, reports = clock.now, [], []

    def spin(seconds):
        clock.now += seconds

    peer = SimpleNamespace(
        spin=spin, cycle=lambda: done.append("cycle"), instruct=lambda text: done.append("instruction")
    )
    camera = SimpleNamespace(renew=lambda: None)
    take_turns(peer, camera, begun + 3 * TURN, lambda: reports.append(clock.now - begun))
    assert [round(at / TURN) for at in reports] == [1, 2, 3]
    assert done == sorted(done)
    assert done.count("cycle") == TURN / 0.5
    assert abs(done.count("instruction") - TURN * INSTRUCTIONS_PER_SECOND) <= 1
