"""The command: needs items, prints the address."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from instructsam_ros.cli import main
from instructsam_ros.paths import DATA

SCRIPT = "import sys; from instructsam_ros.cli import main; sys.exit(main(sys.argv[1:]))"


def test_a_folder_without_items_is_one_line(tmp_path, capsys):
    pytest.importorskip("fastapi", reason="the annotation tool needs fastapi")
    assert main(["annotate", str(tmp_path)]) == 2
    assert "--sets" in capsys.readouterr().err


def test_the_printed_address_opens_the_page(tmp_path):
    pytest.importorskip("fastapi", reason="the annotation tool needs fastapi")
    sets = tmp_path / "sets.yaml"
    sets.write_text(f"sets: [{{format: scenes, root: {DATA / 'scenes'}, nouns: true}}]")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, "-c", SCRIPT, "annotate", str(tmp_path / "w"), "--sets", str(sets)]
    command += ["--port", port]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        lines = [process.stdout.readline(), process.stdout.readline()]
        assert "6 items" in lines[0]
        address = lines[1].split()[1]
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        for _ in range(600):  # until the server listens
            try:
                content = opener.open(address, timeout=120).read()
                break
            except urllib.error.URLError:
                time.sleep(0.1)
        assert b"instructsam annotate" in content
    finally:
        process.terminate()
        process.wait()
