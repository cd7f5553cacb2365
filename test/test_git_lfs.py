"""Files that git-lfs has not fetched."""

from instructsam_ros.git_lfs import explained


def test_a_pointer_is_told_from_a_damaged_file_and_from_none(tmp_path):
    pointer = tmp_path / "model.safetensors"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    assert "git lfs pull" in explained(pointer, "damaged")
    pointer.write_bytes(b"\x00")
    assert explained(pointer, "damaged") == "damaged"
    assert explained(tmp_path / "nothing", "damaged") == "damaged"
