"""The package's own files, and the error for one that is missing."""

import pytest

from instructsam_ros.paths import DATA, share


def test_shared_and_packaged_files_are_found():
    assert share("config", "models", "compact.yaml").is_file()
    assert (DATA / "scenes" / "000000.json").is_file()


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"gone\.yaml is missing: the package is not installed"):
        share("config", "gone.yaml")
