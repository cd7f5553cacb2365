import pytest
import torch

from instructsam_ros.errors import ConfigError
from instructsam_ros.models.common import device
from instructsam_ros.models.common.device import torch_device, torch_dtype


@pytest.mark.parametrize(("computes", "expected"), [(True, torch.bfloat16), (False, torch.float32)])
def test_auto_is_half_precision_where_the_processor_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, computes: bool, expected: torch.dtype
) -> None:
    monkeypatch.setattr(device, "computes_bfloat16", lambda device: computes)
    assert torch_dtype("auto", torch.device("cpu")) == expected
    assert torch_dtype("float32", torch.device("cpu")) == torch.float32
    assert torch_dtype("auto", torch.device("cuda")) == torch.bfloat16


def test_a_device_that_is_no_text_is_named() -> None:
    with pytest.raises(ConfigError, match="device is None"):
        torch_device(None)  # type: ignore[arg-type]
