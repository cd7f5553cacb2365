"""The engines by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from instructsam_ros.errors import MissingDependencyError
from instructsam_ros.yaml_config import load_yaml

if TYPE_CHECKING:
    from instructsam_ros.training.data_engine.generate import Engine


def _need_pydantic() -> None:
    try:
        import pydantic  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "data engines need pydantic: pip install 'instructsam-ros[engines,training]'"
        ) from None


def load_engine(name: str, config: Path, overrides: Sequence[str] = ()) -> Engine:
    """Read the configuration of the engine ``inst2seg`` or ``hmpl``. overrides: dotted.key=value.

    Raises ConfigError for one that does not validate.
    """
    _need_pydantic()
    if name == "inst2seg":
        from instructsam_ros.training.data_engine.inst2seg.config import Inst2SegConfig
        from instructsam_ros.training.data_engine.inst2seg.run import Inst2SegEngine

        return Inst2SegEngine(load_yaml(Inst2SegConfig, config, overrides))
    from instructsam_ros.training.data_engine.hmpl.config import HmplConfig
    from instructsam_ros.training.data_engine.hmpl.run import HmplEngine

    return HmplEngine(load_yaml(HmplConfig, config, overrides))
