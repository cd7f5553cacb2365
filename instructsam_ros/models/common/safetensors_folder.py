"""Read-only view of the safetensors files of a checkpoint folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from instructsam_ros.errors import CheckpointError
from instructsam_ros.git_lfs import explained

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
EMBEDDING, TIED_HEAD = "model.language_model.embed_tokens.weight", "lm_head.weight"


def weights_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Hash names, dtypes, shapes and bytes of tensors in the order of their names: 64 hexadecimal digits.

    It does not depend on how the tensors are spread over files. Tensors of an open ``TensorFiles`` are read
    one at a time.
    """
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


class TensorFiles(Mapping[str, Tensor]):
    """Tensors by name, read from one file or from shards on access.

    Used as a context manager. A tensor is read from the shard that the index names; ``problems`` has a line
    for everything in which index and shards differ. An embedding that is stored under the name of the output
    head tied to it, as safetensors' save_model does, goes by its own name here, and ``stored_as`` has the
    other. Raises CheckpointError for files that are missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problems: tuple[str, ...] = ()
        self.stored_as: dict[str, str] = {}
        self._stack = ExitStack()
        self._files: dict[str, Any] = {}  # tensor name -> open file

    def __enter__(self) -> TensorFiles:
        try:
            index = self._index()
            shards = self._open([SINGLE] if index is None else sorted(set(index.values())))
            holders: dict[str, list[str]] = {}
            for shard, file in shards.items():
                for name in file.keys():  # noqa: SIM118  # no mapping
                    holders.setdefault(name, []).append(shard)
            if index is not None:
                self.problems = _index_problems(index, holders)
            for name, held_by in holders.items():
                listed = (index or {}).get(name)
                self._files[name] = shards[listed if listed in held_by else held_by[0]]
            if TIED_HEAD in self._files and EMBEDDING not in self._files:
                self._files[EMBEDDING] = self._files.pop(TIED_HEAD)
                self.stored_as[EMBEDDING] = TIED_HEAD
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> Tensor:
        file = self._files[name]
        try:
            tensor: Tensor = file.get_tensor(self.stored_as.get(name, name))
        except SafetensorError as error:  # a precision that torch lacks
            raise CheckpointError(f"{self.folder}: {name} cannot be read: {error}") from None
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape, from the headers alone."""
        return {name: tuple(self._header(name).get_shape()) for name in self}

    def precisions(self) -> set[str]:
        """Read the types of the stored values ("BF16"), from the headers alone."""
        return {str(self._header(name).get_dtype()) for name in self}

    def metadata(self) -> dict[str, str]:
        """Read the metadata of the files."""
        return {k: v for file in set(self._files.values()) for k, v in (file.metadata() or {}).items()}

    def _header(self, name: str) -> Any:
        return self._files[name].get_slice(self.stored_as.get(name, name))

    def _index(self) -> dict[str, str] | None:
        """Tensor -> shard; None where one file holds all."""
        if (self.folder / SINGLE).exists():
            return None
        path = self.folder / INDEX
        if not path.exists():
            raise CheckpointError(
                f"no {SINGLE} and no {INDEX} in {self.folder}; a checkpoint folder needs one of them"
            )
        try:
            index: dict[str, str] = dict(json.loads(path.read_text(encoding="utf-8"))["weight_map"])
            if not all(isinstance(name, str) for name in index.values()):
                raise ValueError("a file's name is no text")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CheckpointError(f"{path} is not a usable shard index: {error!r}") from None
        missing = sorted(name for name in set(index.values()) if not (self.folder / name).exists())
        if missing:
            raise CheckpointError(f"{self.folder} lacks {', '.join(missing)}, which {INDEX} names")
        return index

    def _open(self, names: Sequence[str]) -> dict[str, Any]:
        files, damaged = {}, []
        for name in names:
            path = self.folder / name
            try:
                opened = safe_open(path, framework="pt", device="cpu")
                files[name] = self._stack.enter_context(opened)
            except (SafetensorError, OSError) as error:
                damaged.append(f"{path} is damaged or incomplete, copy it again: {explained(path, error)}")
        if damaged:
            raise CheckpointError("\n  ".join(damaged))
        return files


def _index_problems(index: Mapping[str, str], holders: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Compare the index with the shards. index: tensor -> its shard. holders: tensor -> shards with it."""
    return (
        *(
            f"wrong shard {name}: {INDEX} names {shard}, which does not hold it"
            for name, shard in sorted(index.items())
            if shard not in holders.get(name, ())
        ),
        *(
            f"stored twice {name}: in {' and in '.join(shards)}"
            for name, shards in sorted(holders.items())
            if len(shards) > 1
        ),
        *(
            f"unlisted {name}: {shards[0]} holds it, and {INDEX} does not name it"
            for name, shards in sorted(holders.items())
            if name not in index
        ),
    )
