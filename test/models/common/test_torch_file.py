"""Files of torch.save: plain ones are read, others are refused without advice to switch safety off."""

import pickle

import pytest
import torch

from instructsam_ros.errors import CheckpointError
from instructsam_ros.models.common.torch_file import read_torch_file


class Code:
    def __reduce__(self):
        return print, ("ran",)


def test_tensors_and_plain_values_come_back(tmp_path):
    torch.save({"weights": torch.ones(2), "step": 3}, tmp_path / "a.pt")
    read = read_torch_file(tmp_path / "a.pt")
    assert read["step"] == 3
    assert torch.equal(read["weights"], torch.ones(2))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: torch.save(Code(), path),
        lambda path: path.write_bytes(pickle.dumps(Code())),
        lambda path: path.write_bytes(b"no pickle"),
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
    ],
    ids=["code", "pickled code", "text", "pointer"],
)
def test_another_file_is_refused_and_runs_nothing(tmp_path, capsys, write):
    path = tmp_path / "a.pt"
    write(path)
    with pytest.raises(CheckpointError) as caught:
        read_torch_file(path)
    assert str(path) in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert "ran" not in capsys.readouterr().out
