"""From what a user names as model to a local checkpoint folder."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from huggingface_hub import snapshot_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from instructsam_ros.errors import CheckpointError, ConfigError
from instructsam_ros.paths import SHIPPED_MODELS

_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_WANTED_FILES = ["*.json", "*.safetensors", "*.txt", "*.jinja", "LICENSE*", "NOTICE*"]

logger = logging.getLogger(__name__)


def checkpoint_folder(model: str, *, revision: str | None = None, offline: bool = False) -> Path:
    """Locate the folder of ``model``: one of SHIPPED_MODELS, a local folder, or a hub id, which is downloaded
    if needed.

    revision: branch, tag or commit on the hub. offline: use only what was downloaded before.
    Raises CheckpointError that names the remedy, and ConfigError for unusable options.
    """
    if type(offline) is not bool:  # "no", a text, would count as true
        raise ConfigError(f"offline must be true or false, got {offline!r}")
    if not isinstance(revision, str | None):  # a bare commit of digits is a number to YAML
        raise ConfigError(f"revision must be a text, got {revision!r}; put it in quotes")
    if revision is not None and not revision.strip():
        raise ConfigError("revision is empty; name a branch, a tag or a commit, or leave it out")
    if shipped := SHIPPED_MODELS.get(model):
        if not (shipped / "config.json").exists():
            raise CheckpointError(f"the weights of {model} are not in {shipped}; reinstall the package")
        return shipped
    unknown = CheckpointError(
        f"{model!r} is neither {' nor '.join(map(repr, SHIPPED_MODELS))}, nor a folder, nor a hub id such as "
        "owner/name"
    )
    if not model:
        raise unknown
    folder = _at_home(model)
    if folder.is_dir():
        if (folder / "adapter_config.json").exists() and not any(folder.glob("model*.safetensors*")):
            raise CheckpointError(
                f"{folder} is a LoRA adapter: name its base model, and the adapter as the option `adapter`; "
                f"or merge both for good: `instructsam weights merge BASE {folder} OUTPUT`"
            )
        if revision is not None:
            raise CheckpointError(f"{folder} is a folder; a revision is of a hub id")
        return folder
    if not _HUB_ID.fullmatch(model):
        raise unknown
    try:
        return _download(model, revision, offline)
    except HFValidationError:
        raise unknown from None


def adapter_folder(adapter: str) -> Path:
    """Locate the folder of a LoRA adapter. Raises ConfigError or CheckpointError if there is none."""
    if not isinstance(adapter, str) or not adapter:
        raise ConfigError(f"adapter must be the path of a folder, got {adapter!r}")
    folder = _at_home(adapter)
    if not folder.is_dir():
        raise CheckpointError(f"the adapter {adapter!r} is no folder")
    return folder


def tokenizer_folder(model: Path, *adapter: Path) -> Path:
    """Return the folder of the tokenizer: that of an adapter with further tokens, else the model's."""
    return next((folder for folder in adapter if (folder / "tokenizer.json").exists()), model)


def _at_home(path: str) -> Path:
    try:
        return Path(path).expanduser()
    except RuntimeError as error:  # ~somebody who does not exist
        raise CheckpointError(f"{path!r}: {error}") from None


def _download(repository: str, revision: str | None, offline: bool) -> Path:
    if not offline and try_to_load_from_cache(repository, "config.json", revision=revision) is None:
        logger.warning(
            "downloading %s, whose weights have a licence of their own: see https://huggingface.co/%s",
            repository,
            repository,
        )
    try:
        path = snapshot_download(
            repository, revision=revision, allow_patterns=_WANTED_FILES, local_files_only=offline
        )
    except GatedRepoError:
        raise CheckpointError(
            f"{repository} is gated: read its licence and accept its terms at "
            f"https://huggingface.co/{repository}, then log in with `hf auth login`"
        ) from None
    except RepositoryNotFoundError:
        raise CheckpointError(
            f"no repository {repository} on the hub, or it is private; check the name, or log in with "
            "`hf auth login`"
        ) from None
    except RevisionNotFoundError:
        raise CheckpointError(
            f"{repository} has no revision {revision!r}; name a branch, a tag or a whole commit hash"
        ) from None
    except LocalEntryNotFoundError as error:
        raise CheckpointError(
            f"{repository}{f' at {revision}' if revision else ''} {_why_not_here(error, offline)}; run once "
            "online, or give the path of a folder that holds it"
        ) from error
    except (HTTPError, OSError) as error:  # transport errors are no OSError in every version of the hub
        raise CheckpointError(
            f"downloading {repository} failed: {error}; what has arrived is kept, so run it again"
        ) from error
    return Path(path)


def _why_not_here(error: LocalEntryNotFoundError, offline: bool) -> str:
    if hasattr(error, "snapshot_path"):  # of IncompleteSnapshotError, which older versions lack
        return "was downloaded only in part before"
    if offline:
        return "was not downloaded before, and offline is set"
    if isinstance(error.__cause__, OfflineModeIsEnabled):
        return "was not downloaded before, and HF_HUB_OFFLINE is set"
    return "cannot be downloaded: no connection to the hub"
