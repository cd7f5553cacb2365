import json
import sys
from pathlib import Path

import pytest

from instructsam_ros.cli import doctor
from instructsam_ros.cli import main as instructsam
from instructsam_ros.cli.doctor import Check
from instructsam_ros.ros.node_main import OLD_PROFILE_VARIABLE as OLD
from instructsam_ros.ros.node_main import PROFILE_VARIABLE as NEW

PROFILE = """<?xml version="1.0"?>
<profiles xmlns="http://www.eprosima.com"><transport_descriptors><transport_descriptor>
<transport_id>a</transport_id><type>SHM</type><segment_size>{size}</segment_size>
</transport_descriptor></transport_descriptors></profiles>"""


@pytest.fixture
def profile(tmp_path: Path, monkeypatch):
    """Set the shell's Fast DDS profile to one with the given text; return the check of it."""
    for name in (NEW, OLD, "RMW_IMPLEMENTATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROS_DISTRO", "kilted")

    def profile(text: str | None) -> Check:
        if text is not None:
            (tmp_path / "p.xml").write_text(text)
            monkeypatch.setenv("FASTDDS_DEFAULT_PROFILES_FILE", str(tmp_path / "p.xml"))
        return next(check for check in doctor.check_transport() if check.name == "transport profile")

    return profile


def test_a_large_segment_is_ok(profile):
    check = profile(PROFILE.format(size=64 * 2**20))
    assert check.ok
    assert "64.0 MiB" in check.detail


@pytest.mark.parametrize(
    "text", [PROFILE.format(size=524288), PROFILE.format(size="big"), "<profiles>", None]
)
def test_what_is_wrong_with_a_profile_comes_with_the_command_that_mends_it(profile, text):
    check = profile(text)
    assert not check.ok
    assert "export FASTDDS_DEFAULT_PROFILES_FILE=" in check.fix


@pytest.mark.parametrize(
    ("distro", "read"),
    [("jazzy", OLD), ("kilted", NEW)],
)
def test_a_profile_counts_only_under_the_name_that_this_distribution_reads(
    profile, tmp_path, monkeypatch, distro, read
):
    monkeypatch.setenv("ROS_DISTRO", distro)
    check = profile(PROFILE.format(size=64 * 2**20))  # under the new name
    assert check.ok == (read == NEW)
    assert f"export {read}=" in check.fix
    monkeypatch.setenv(OLD, str(tmp_path / "p.xml"))
    assert profile(None).ok


def test_another_middleware_needs_no_fast_dds_profile(monkeypatch):
    monkeypatch.setenv("RMW_IMPLEMENTATION", "rmw_zenoh_cpp")
    assert [check.ok for check in doctor.check_transport()] == [True]


def test_a_package_that_does_not_import_is_missing_with_its_remedy(tmp_path, monkeypatch):
    (tmp_path / "broken_module.py").write_text("import a_library_that_is_not_there")
    monkeypatch.syspath_prepend(tmp_path)
    check = doctor._importable("broken_module", "pip install it")
    assert (check.ok, check.required, check.fix) == (False, True, "pip install it")
    assert "a_library_that_is_not_there" in check.detail


@pytest.mark.parametrize(("required", "status"), [(True, 1), (False, 0)])
def test_only_what_the_main_job_needs_makes_it_fail(monkeypatch, capsys, required, status):
    missing = Check("thing", False, "gone", "get it", required)
    monkeypatch.setattr(doctor, "CHECKS", (lambda: [Check("python", True, "3"), missing],))
    assert instructsam(["doctor"]) == status
    printed = capsys.readouterr().out
    assert "get it" in printed
    assert ("cannot run: thing missing" in printed) == required


def test_json_holds_every_check(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", (lambda: [Check("python", True, "3")],))
    assert instructsam(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [
        {"name": "python", "ok": True, "detail": "3", "fix": "", "required": False}
    ]


def test_this_environment_has_python_packages_and_messages():
    checks = {check.name: check for group in (doctor.check_packages, doctor.check_ros) for check in group()}
    assert all(check.ok for check in checks.values() if check.required), checks
    assert "instructsam_ros.msg" in checks


def test_a_package_that_fails_while_it_loads_does_not_end_the_report(tmp_path, monkeypatch):
    """As cv_bridge for NumPy 1 beside NumPy 2."""
    (tmp_path / "odd_module.py").write_text("raise AttributeError('_ARRAY_API not found')")
    monkeypatch.syspath_prepend(tmp_path)
    check = doctor._importable("odd_module", "install it again")
    assert not check.ok
    assert "_ARRAY_API" in check.detail


def test_without_the_hub_package_the_report_goes_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert not doctor._released_weights().ok
