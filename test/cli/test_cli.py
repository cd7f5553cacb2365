"""The ``instructsam`` command itself: subcommands, errors and exit status."""

from __future__ import annotations

import argparse
import importlib
from types import SimpleNamespace

import pytest

from instructsam_ros import __version__, cli
from instructsam_ros.cli import COMMANDS, main
from instructsam_ros.errors import ConfigError


@pytest.fixture
def failing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the commands by one that raises the parameter."""

    def run(_: argparse.Namespace) -> int:
        raise request.param

    command = SimpleNamespace(add_arguments=lambda parser: None, run=run)
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: command)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_arguments_and_a_summary(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"instructsam_ros.cli.{name}").add_arguments(parser)
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    assert COMMANDS[name] in " ".join(capsys.readouterr().out.split())


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize("arguments", [[], ["fly"]])
def test_an_unknown_command_is_a_usage_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert "COMMAND" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        (ConfigError("no such key"), "instructsam doctor: no such key\n"),
        (FileNotFoundError(2, "No such file", "a.yaml"), "instructsam doctor: No such file: a.yaml\n"),
        (OSError("disk"), "instructsam doctor: disk\n"),
        (FileNotFoundError(2, "No such file", b"x\xff".decode("utf-8", "surrogateescape")), "x\ufffd\n"),
    ],
    indirect=["failing"],
)
def test_an_error_is_one_line_and_exit_status_2(
    failing: None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor"]) == 2
    assert capsys.readouterr().err.endswith(message)


@pytest.mark.parametrize("failing", [KeyboardInterrupt()], indirect=True)
def test_an_interrupt_is_exit_status_130(failing: None) -> None:
    assert main(["doctor"]) == 130
