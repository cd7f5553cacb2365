"""Every way in which weights of the hub can be out of reach says what to do about it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from huggingface_hub import errors

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.models.common import hub
from instructsam_ros.models.common.hub import checkpoint_folder

HUB_ID = "CircleRadon/InstructSAM-2B"


def answer(status: int) -> Any:
    """A response of the hub, as far as its errors look at it."""
    request = SimpleNamespace(url=f"https://huggingface.co/{HUB_ID}", method="GET")
    return SimpleNamespace(status_code=status, headers={}, request=request)


def incomplete() -> Exception:
    return errors.IncompleteSnapshotError("2 files are missing", snapshot_path="/cache")


def offline_by_environment() -> Exception:
    error = errors.LocalEntryNotFoundError("nothing cached")
    error.__cause__ = errors.OfflineModeIsEnabled("HF_HUB_OFFLINE=1")
    return error


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (
            lambda: errors.GatedRepoError("403", response=answer(403)),
            r"licence.*InstructSAM-2B.*hf auth login",
        ),
        (
            lambda: errors.RepositoryNotFoundError("404", response=answer(404)),
            "no repository.*check the name",
        ),
        (lambda: errors.RevisionNotFoundError("404", response=answer(404)), "no revision 'v9'"),
        (lambda: errors.LocalEntryNotFoundError("ConnectError"), "at v9 cannot be downloaded: no connection"),
        (offline_by_environment, "HF_HUB_OFFLINE is set; run once online"),
        (incomplete, "only in part before; run once online"),
        (lambda: errors.HfHubHTTPError("500 server error", response=answer(500)), "500 server error.*again"),
        (lambda: errors.HTTPError("connection reset"), "connection reset.*again"),
        (lambda: OSError(28, "No space left on device"), "No space left"),
    ],
    ids=["gated", "missing", "revision", "network", "environment", "partial", "server", "transport", "disk"],
)
def test_errors_name_the_remedy(monkeypatch: pytest.MonkeyPatch, error: Any, says: str) -> None:
    def download(*_args: object, **_options: object) -> str:
        raise error()

    monkeypatch.setattr(hub, "snapshot_download", download)
    with pytest.raises(CheckpointError, match=says) as failure:
        checkpoint_folder(HUB_ID, revision="v9")
    assert HUB_ID in str(failure.value)


def test_offline_hub_id_that_was_never_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_args: object, local_files_only: bool, **_options: object) -> str:
        assert local_files_only
        raise errors.LocalEntryNotFoundError("nothing cached")

    monkeypatch.setattr(hub, "snapshot_download", download)
    with pytest.raises(CheckpointError, match="not downloaded before, and offline is set"):
        checkpoint_folder(HUB_ID, offline=True)


def test_revision_is_pinned_and_only_what_a_model_needs_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def download(repository: str, **options: object) -> str:
        asked.update(options, repository=repository)
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", download)
    assert checkpoint_folder(HUB_ID, revision="v1") == tmp_path
    assert (asked["repository"], asked["revision"], asked["local_files_only"]) == (HUB_ID, "v1", False)
    assert {"*.safetensors", "LICENSE*"} <= set(asked["allow_patterns"])  # type: ignore[call-overload]


@pytest.mark.parametrize("model", ["absent", "/no/folder", "./weights", "../weights", "my/a..b", "a/b--c"])
def test_an_unknown_model_lists_the_known_ones(model: str) -> None:
    with pytest.raises(
        CheckpointError, match="neither 'compact' nor 'compact_real', nor a folder, nor a hub id"
    ):
        checkpoint_folder(model)


def test_an_adapter_in_place_of_a_model_names_the_option(tmp_path: Path) -> None:
    for name in ("adapter_config.json", "adapter_model.safetensors", "config.json"):
        (tmp_path / name).touch()
    with pytest.raises(CheckpointError, match=r"option `adapter`; or merge .* `instructsam weights merge"):
        checkpoint_folder(str(tmp_path))


@pytest.mark.parametrize("cached", [False, True])
def test_licence_is_named_before_a_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, cached: bool
) -> None:
    monkeypatch.setattr(hub, "snapshot_download", lambda *_args, **_options: str(tmp_path))
    monkeypatch.setattr(hub, "try_to_load_from_cache", lambda *_a, **_o: "config.json" if cached else None)
    checkpoint_folder(HUB_ID)
    assert (f"https://huggingface.co/{HUB_ID}" in caplog.text) != cached


def test_a_folder_has_no_revision(tmp_path):
    with pytest.raises(CheckpointError, match="a revision is of a hub id"):
        checkpoint_folder(str(tmp_path), revision="v1")


@pytest.mark.parametrize("model", ["compact", HUB_ID, "."])
def test_an_empty_revision_is_refused(model):
    with pytest.raises(ConfigError, match="revision is empty"):
        checkpoint_folder(model, revision="")


def test_an_empty_name_is_no_folder():
    with pytest.raises(CheckpointError, match="neither 'compact' nor 'compact_real', nor a folder"):
        checkpoint_folder("")
