"""Errors of a benchmark's command line."""

from __future__ import annotations

import pytest

from benchmarks.command import folder_name, run
from instructsam_ros.errors import InvalidInputError


@pytest.mark.parametrize("error", [InvalidInputError("no views in x"), FileNotFoundError("no views in x")])
def test_errors_of_the_user_become_one_line_and_status_2(error, capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as ended:
        run(main)
    assert ended.value.code == 2
    printed = capsys.readouterr().err.splitlines()
    assert len(printed) == 1
    assert "no views in x" in printed[0]


def test_a_row_names_a_folder() -> None:
    assert folder_name("errors, second look") == "errors_second_look"


def test_other_errors_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0)
