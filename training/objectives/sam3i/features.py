"""Features of an image tower that never learns, kept between steps and runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from instructsam_ros.atomic_write import write_atomic
from instructsam_ros.models.common.safetensors_folder import weights_sha256
from instructsam_ros.models.sam3.modeling import Sam3


class StoredFeatures:
    """Computes ``Sam3.trunk`` in float32 and without gradient; with a folder, once for each picture.

    A file is named after the weights of the tower and the pixels. At compact size it has 2 MB.
    """

    def __init__(self, model: Sam3, folder: Path | None) -> None:
        self.model = model
        tower = model.net.vision_encoder.eval()
        self.folder = folder and folder / weights_sha256(tower.state_dict())[:12]

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> tuple[Tensor, ...]:
        """Return the trunk of pixels [B, 3, h, w]."""
        with torch.autocast(pixels.device.type, enabled=False):
            if self.folder is None:
                return self.model.trunk(pixels)
            rows = [self._trunk(self.folder, each[None]) for each in pixels]
        return tuple(torch.cat(parts).to(pixels.device) for parts in zip(*rows, strict=True))

    def _trunk(self, folder: Path, pixels: Tensor) -> list[Tensor]:
        """Read or compute that of one picture."""
        digest = hashlib.sha256(pixels.cpu().numpy().tobytes()).hexdigest()[:32]
        path = folder / f"{digest}.safetensors"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            trunk = self.model.trunk(pixels)
            write_atomic(path, save({str(i): part.cpu().contiguous() for i, part in enumerate(trunk)}))
        stored = load_file(path)
        return [stored[str(index)] for index in range(len(stored))]
