import os
import subprocess
import sys
import tempfile

import pytest

from instructsam_ros.ros import domain

PRINT = "from instructsam_ros.ros.domain import reserve_domain; print(reserve_domain())"


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    """Reservations of this test only."""
    monkeypatch.setattr(domain.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(domain, "_held", [])
    yield
    for handle in domain._held:
        os.close(handle)


def test_every_reservation_is_another_domain_until_all_are_taken():
    taken = {domain.reserve_domain() for _ in range(domain.DOMAINS)}
    assert taken == set(range(102))
    with pytest.raises(OSError, match="all 102"):
        domain.reserve_domain()


def test_other_processes_respect_it_and_free_theirs_at_their_end(monkeypatch):
    monkeypatch.setattr(domain, "DOMAINS", 1)
    assert domain.reserve_domain() == 0
    code = PRINT.replace("print", "import instructsam_ros.ros.domain as d; d.DOMAINS = 2; print")
    answers = [subprocess.check_output([sys.executable, "-c", code], text=True) for _ in range(2)]
    assert answers == ["1\n", "1\n"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_locks_of_another_user_count_as_well(monkeypatch):
    """Made by root; the other user may read one of them and not the other."""
    code = "import os, instructsam_ros.ros.domain as d; os.setuid(65534); d.DOMAINS = {}; " + PRINT

    def as_another_user(domains: int) -> str:
        run = subprocess.run([sys.executable, "-c", code.format(domains)], capture_output=True, text=True)
        return run.stdout or run.stderr

    monkeypatch.setattr(domain, "DOMAINS", 2)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chmod(folder, 0o1777)
        monkeypatch.setattr(domain.tempfile, "tempdir", folder)
        monkeypatch.setenv("TMPDIR", folder)
        assert {domain.reserve_domain(), domain.reserve_domain()} == {0, 1}
        os.chmod(f"{folder}/instructsam_domain_0.lock", 0o600)
        assert as_another_user(3) == "2\n"
        while domain._held:
            os.close(domain._held.pop())
        assert as_another_user(2) == "1\n"
