"""Read-only view of the safetensors files of a checkpoint folder."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from instructsam_ros.errors import CheckpointError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


class TensorFiles(Mapping[str, Tensor]):
    """Tensors by name, read from one file or from shards when they are asked for.

    Used as a context manager. Raises CheckpointError for files that are missing or damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._files: dict[str, Any] = {}  # tensor name -> open file

    def __enter__(self) -> TensorFiles:
        try:
            for name in self._file_names():
                file = self._open(self.folder / name)
                self._files |= dict.fromkeys(file.keys(), file)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> Tensor:
        tensor: Tensor = self._files[name].get_tensor(name)
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape, from the headers alone."""
        return {name: tuple(file.get_slice(name).get_shape()) for name, file in self._files.items()}

    def precisions(self) -> set[str]:
        """How values are stored ("BF16"), from the headers alone."""
        return {str(file.get_slice(name).get_dtype()) for name, file in self._files.items()}

    def metadata(self) -> dict[str, str]:
        """What the files say of themselves."""
        return {k: v for file in set(self._files.values()) for k, v in (file.metadata() or {}).items()}

    def _file_names(self) -> list[str]:
        if (self.folder / SINGLE).exists():
            return [SINGLE]
        index = self.folder / INDEX
        if not index.exists():
            raise CheckpointError(
                f"no {SINGLE} and no {INDEX} in {self.folder}; a checkpoint folder needs one of them"
            )
        try:
            names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
            if not all(isinstance(name, str) for name in names):
                raise ValueError("a file's name is no text")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{index} is not a usable shard index: {error!r}") from None
        missing = sorted(name for name in names if not (self.folder / name).exists())
        if missing:
            raise CheckpointError(f"{self.folder} lacks {', '.join(missing)}, which {INDEX} names")
        return sorted(names)

    def _open(self, path: Path) -> Any:
        try:
            return self._stack.enter_context(safe_open(path, framework="pt", device="cpu"))
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is damaged or incomplete, copy it again: {error}") from None
