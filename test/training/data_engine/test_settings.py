"""Settings of the language model, prices, limits."""

import pytest

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.vlm.server import ServerChat
from instructsam_ros.training.data_engine.settings import Limits, Prices, Usage, VlmSettings
from instructsam_ros.yaml_config import build

SERVER = {"url": "http://127.0.0.1:1/v1", "model": "m"}


def test_a_server_or_a_local_model_is_named():
    settings = build(VlmSettings, {"server": SERVER})
    assert isinstance(settings.load(), ServerChat)
    for values in ({}, {"server": SERVER, "local": "folder"}):
        with pytest.raises(ConfigError, match="a server or a local model"):
            build(VlmSettings, values)


def test_the_identity_changes_with_what_replies_depend_on():
    one = build(VlmSettings, {"server": SERVER})
    hot = build(VlmSettings, {"server": SERVER | {"request": {"temperature": 1}}})
    patient = build(VlmSettings, {"server": SERVER | {"timeout": 500}})
    assert one.identity == patient.identity != hot.identity


def test_prices_are_for_a_million_tokens():
    assert Prices(0.3, 2.5).cost(1_000_000, 100_000) == pytest.approx(0.55)


def test_workers_share_what_is_left():
    share = Limits(calls=10, tokens=1000, money=4.0, calls_per_minute=60, parallel=8).share(
        2, Usage(4, 200, 1.0)
    )
    assert (share.calls, share.tokens, share.money) == (7, 600, 2.5)
    assert share.calls_per_minute == 30
    with pytest.raises(ValueError, match="calls_per_minute"):
        Limits(calls_per_minute=0)
