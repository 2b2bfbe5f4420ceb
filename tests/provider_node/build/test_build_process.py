"""The build as the node starts it: a process, its JSON lines, its exit code."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provider_node.config import CsvSourceConfig, ResourceConfig
from provider_node.domain.keys import NodeKeys
from provider_node.domain.tokens import IndexKey
from provider_node.store.generations import Generations
from tests.provider_node.build.oblivious import OFFERED, RECORD

CODE = "vehicle-owners"
KEY = bytes(range(32))
Write = Callable[..., ResourceConfig]
Number = Callable[[int], str]


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """The configuration of a node whose resources are to be written to its `resources`."""
    keys = tmp_path / "data" / "keys"
    keys.mkdir(parents=True)
    (keys / "index.key").write_text(KEY.hex())
    (keys / "index.key").chmod(0o600)
    (tmp_path / "resources").mkdir()
    path = tmp_path / "node.toml"
    path.write_text('[node]\nid = "vehicles-1"\ndepartment = "traffic-police"\n')
    return path


def started(node: Path, resource: str, *options: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "provider_node.build_process", str(node), resource, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(process: "subprocess.Popen[str]") -> tuple[int, list[dict[str, object]]]:
    output, faults = process.communicate()
    assert faults == ""
    return process.returncode, [json.loads(line) for line in output.splitlines()]


def generation_names(node: Path) -> list[str]:
    return [path.name for path in (node.parent / "data" / "resources" / CODE / "generations").iterdir()]


def test_progress_and_the_generation_are_told(node: Path, write_resource: Write, resident_id: Number) -> None:
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(1_000)] + [("", "李四", "A")]
    resource = write_resource(rows, directory=node.parent / "resources")
    code, messages = said(started(node, CODE, "--as-of", "2026-11-22T08:15:00+08:00"))
    assert code == 0
    *progress, last = messages
    assert isinstance(resource.source, CsvSourceConfig)
    size = resource.source.path.stat().st_size
    assert progress[0] == {
        "stage": "reading",
        "rows": 0,
        "rejected": 0,
        "bytes_read": 0,
        "bytes_total": size,
    }
    assert progress[-1]["stage"] == "switching"
    assert list(last) == ["generation"]
    summary = last["generation"]
    assert isinstance(summary, dict)
    assert summary["as_of"] == "2026-11-22T08:15:00+08:00"
    assert (summary["rows"], summary["rows_left_out"], summary["subjects"]) == (1_000, 1, 1_000)
    assert summary["rejects"] == [{"field": "owner_id", "reason": "MISSING", "count": 1}]
    assert "contract" not in summary
    current = Generations(node.parent / "data", IndexKey(KEY).id).current(CODE)
    assert current is not None
    assert current.manifest.generation == summary["generation"]


def test_a_node_of_an_earlier_release_builds_for_oblivious_mode_at_once(
    node: Path, write_resource: Write, resident_id: Number
) -> None:
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(50)]
    write_resource(rows, OFFERED, directory=node.parent / "resources")
    code, messages = said(started(node, CODE))
    assert code == 0
    summary = messages[-1]["generation"]
    assert isinstance(summary, dict)
    assert "oblivious" not in summary
    drawn = NodeKeys(node.parent / "data").oprf_keys()
    current = Generations(node.parent / "data", IndexKey(KEY).id).current(CODE)
    assert current is not None
    assert current.manifest.oblivious is not None
    assert current.manifest.oblivious.offer.key_epoch == drawn.epoch(CODE).id
    assert current.fingerprints["owner", "", RECORD].count == 50


@pytest.mark.parametrize(
    ("change", "options", "reason", "field"),
    [
        (("姓名", "名字"), (), "SOURCE_INVALID", "fields.name.column"),
        (("vehicles.csv", "absent.csv"), (), "SOURCE_INVALID", "source.path"),
        (("category", "kategory"), (), "CONFIGURATION_INVALID", "category"),
        (("机动车登记", "机动车"), ("--as-of", "yesterday"), "FIELD_INVALID", "as-of"),
        (("机动车登记", "机动车"), ("--as-of", "2026-11-22T08:15:00"), "FIELD_INVALID", "as-of"),
        (("vehicle-owners", "vehicles"), (), "RESOURCE_UNKNOWN", "resource"),
    ],
)
def test_an_error_is_told_by_its_reason(
    node: Path,
    write_resource: Write,
    resident_id: Number,
    change: tuple[str, str],
    options: tuple[str, ...],
    reason: str,
    field: str,
) -> None:
    resources = node.parent / "resources"
    write_resource([(resident_id(1), "张三", "A1")], directory=resources)
    path = resources / "vehicles.toml"
    path.write_text(path.read_text("utf-8").replace(*change), "utf-8")
    code, messages = said(started(node, CODE, *options))
    assert code == 1
    error = messages[-1]["error"]
    assert isinstance(error, dict)
    assert (error["reason"], error["field"]) == (reason, field)
    assert error["message"]
    assert error["remedy"] or reason == "FIELD_INVALID"


def test_it_ends_when_nobody_listens_any_more(node: Path, write_resource: Write, resident_id: Number) -> None:
    rows = [(resident_id(n), "张三", f"A{n}") for n in range(200_000)]
    write_resource(rows, directory=node.parent / "resources")
    process = started(node, CODE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait() == 1
    with process.stderr as faults:
        assert faults.read() == ""
    assert generation_names(node) == []


def test_memory_does_not_grow_with_the_source(node: Path, write_resource: Write, resident_id: Number) -> None:
    peaks = []
    for count in (50_000, 200_000):
        rows = [(resident_id(n), "张三", f"A{n}") for n in range(count)]
        write_resource(rows, directory=node.parent / "resources")
        process = started(node, CODE)
        assert process.stdout is not None
        assert process.stderr is not None
        with process.stdout as output, process.stderr:
            output.read()
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        peaks.append(usage.ru_maxrss)
    assert peaks[1] - peaks[0] < 40 << 10
