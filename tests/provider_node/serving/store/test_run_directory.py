"""What a running node leaves for others to find."""

import json
import os
import socket
from pathlib import Path

from provider_node.store.run_directory import RunDirectory
from tests.provider_node.serving.consumer import refused


def test_the_lock_is_held_once(tmp_path: Path) -> None:
    with RunDirectory(tmp_path).held(), refused("CONFIGURATION_INVALID", "node.data"):
        RunDirectory(tmp_path).held().__enter__()
    with RunDirectory(tmp_path).held():
        pass


def test_only_the_owner_may_enter_even_if_others_could_before(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    with RunDirectory(tmp_path).held():
        assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700


def test_a_socket_answers_while_somebody_listens(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    assert not run.answers()
    with run.held(), socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(run.fresh_socket()))
        assert not run.answers()
        listening.listen()
        assert run.answers()
    # What a killed node leaves is a file that nobody listens on, and is replaced.
    assert run.socket.exists()
    assert not run.answers()
    assert not run.fresh_socket().exists()


def test_a_path_too_long_for_a_socket_is_told_before_it_is_tried(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path / ("d" * 108))
    assert not run.answers()
    with refused("CONFIGURATION_INVALID", "node.data"):
        run.fresh_socket()


def test_the_address_is_announced_as_a_whole(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    with run.held():
        run.announce("127.0.0.1:1")
        run.announce("127.0.0.1:2")
    announced = json.loads((tmp_path / "run" / "address.json").read_text())
    assert announced == {"address": "127.0.0.1:2", "pid": os.getpid()}
