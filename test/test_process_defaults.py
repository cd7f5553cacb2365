"""Defaults of our own processes."""

from instructsam_ros.process_defaults import DEFAULTS, FREE_THREADS, set_process_defaults


def test_what_the_user_has_set_is_kept():
    environment = {"OPENBLAS_NUM_THREADS": "7", FREE_THREADS: ""}
    set_process_defaults(environment)
    assert environment == {**DEFAULTS, "OPENBLAS_NUM_THREADS": "7", FREE_THREADS: ""}
