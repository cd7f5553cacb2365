"""Options and fixtures shared by all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden-dir",
        type=Path,
        default=HERE / "golden",
        help="folder with case_*.npz, train_*.npz, their manifests and weights",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per golden file: ``inference_golden`` for case_*.npz, ``training_golden`` for train_*.npz."""
    folder: Path = metafunc.config.getoption("--golden-dir")
    for argument, pattern in (("inference_golden", "case_*.npz"), ("training_golden", "train_*.npz")):
        if argument in metafunc.fixturenames:
            files = sorted(folder.glob(pattern))
            if not files:
                raise pytest.UsageError(f"no {pattern} in {folder}")
            metafunc.parametrize(argument, files, ids=[file.stem for file in files])


@pytest.fixture(scope="session")
def golden_dir(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.config.getoption("--golden-dir")
    return folder
