"""Views on disk."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from instructsam_ros.errors import InvalidInputError
from instructsam_ros.scenes.dataset import View, iter_views, load_view, save_view, view_paths


def view(number: int = 0) -> View:
    ids = np.zeros((24, 32), np.uint8)
    ids[4:12, 5:20] = 1
    ids[:2] = 200
    depth = np.linspace(0, 5, 24 * 32, dtype=np.float32).reshape(24, 32)
    return View(np.full((24, 32, 3), (200, 120, 40), np.uint8), ids, depth, {"number": number})


def test_a_view_is_read_as_it_was_written(tmp_path: Path) -> None:
    save_view(view(7), tmp_path / "000000")
    loaded = load_view(tmp_path / "000000.jpg")
    assert np.array_equal(loaded.ids, view().ids)
    np.testing.assert_allclose(loaded.depth, view().depth, atol=0.00051)
    assert np.abs(loaded.rgb.astype(int) - view().rgb).max() < 6
    assert loaded.meta == {"number": 7}
    assert not load_view(tmp_path / "000000.jpg", depth=False).depth.any()


def test_views_of_all_shards_are_read_in_order(tmp_path: Path) -> None:
    for number, shard in ((2, "shard-0001"), (0, "shard-0000"), (1, "shard-0000")):
        (tmp_path / shard).mkdir(exist_ok=True)
        save_view(view(number), tmp_path / shard / f"{number:06d}")
    assert [item.meta["number"] for item in iter_views(tmp_path)] == [0, 1, 2]


def test_a_folder_without_views_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="instructsam scenes render"):
        view_paths(tmp_path)


@pytest.mark.parametrize("suffix", [".jpg", "_ids.png", "_depth.png", ".json"])
@pytest.mark.parametrize("kept", [0, 20])
def test_an_incomplete_view_is_refused(suffix: str, kept: int, tmp_path: Path) -> None:
    save_view(view(), tmp_path / "000000")
    path = tmp_path / f"000000{suffix}"
    path.write_bytes(path.read_bytes()[:kept] if suffix != ".json" else b"{")
    with pytest.raises(InvalidInputError, match="render it again"):
        load_view(tmp_path / "000000.jpg")
    path.unlink()
    with pytest.raises(InvalidInputError, match="render it again"):
        load_view(tmp_path / "000000.jpg")


@given(hnp.arrays(np.float32, (4, 5), elements=st.floats(0, 100, width=32)))
@settings(max_examples=15)
def test_depth_is_stored_in_millimetres_up_to_65_metres(depth: np.ndarray) -> None:
    with TemporaryDirectory() as folder:
        small = View(np.zeros((4, 5, 3), np.uint8), np.zeros((4, 5), np.uint8), depth, {})
        save_view(small, Path(folder) / "000000")
        loaded = load_view(Path(folder) / "000000.jpg")
    np.testing.assert_allclose(loaded.depth, np.minimum(depth, 65), atol=0.00051)
