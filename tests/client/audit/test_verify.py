"""`stayput verify`: a file and a trust file, no platform. What it imports: tests/client/test_startup.py."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stayput.evidence import Part, Trust, bundle_to_file, evidence_invalid, write_archive
from stayput.language import Language
from stayput.v1.log_pb2 import LogEntry
from stayput_client.refusals import explained
from stayput_client.texts import CATALOGUE
from tests.client.audit.conftest import Audited, Run
from tests.client.world import facts
from tests.stayput.evidence.made import CONSUMER, NODE, WITNESSES, MadeLog

CHINESE = {"LC_ALL": "zh_CN.UTF-8"}


@pytest.fixture
def alone(audited: Audited, tmp_path: Path) -> dict[str, str]:
    """The environment of a verifier who has a trust file and no identity."""
    home = tmp_path / "alone"
    home.mkdir()
    audited.trust.rename(home / "trust.toml")
    return {"STAYPUT_HOME": str(home)}


def trusting(environment: dict[str, str], trust: Trust) -> None:
    (Path(environment["STAYPUT_HOME"]) / "trust.toml").write_text(trust.to_toml(), "utf-8")


def written(path: Path, log: MadeLog, place: int) -> Path:
    path.write_text(bundle_to_file(log.bundle(place)), "utf-8")
    return path


async def test_a_bundle_is_verified_without_identity_or_platform(
    audited: Audited, run: Run, tmp_path: Path, alone: dict[str, str]
) -> None:
    file = written(tmp_path / "bundle", audited.log, 2)
    english = await run("verify", file, **alone)
    assert (english.code, english.err) == (0, "")
    assert ["Operator", "经办人甲"] in facts(english.out)
    assert "  the receipt is signed by node vehicles-1 with a trusted key\n" in english.out
    chinese = await run("verify", file, **alone, **CHINESE)
    assert f"  {WITNESSES[0]} 于 2026-11-23 02:00 +0000 对该树作了见证签名\n" in chinese.out
    shown = json.loads((await run("verify", file, "--json", **alone)).out)
    assert (shown["place"], shown["receipt"]["records"], shown["signed_by_node"]) == (2, 2, "VERIFIED")
    assert shown["request_signed_by_consumer"] == "VERIFIED"
    assert shown["checkpoint"]["size"] == 7


async def test_what_is_not_proven_is_said(
    audited: Audited, run: Run, tmp_path: Path, alone: dict[str, str]
) -> None:
    log = audited.log
    trusting(alone, replace(log.trust, witnesses=(), least_witnesses=0, consumers={}))
    done = await run("verify", written(tmp_path / "bundle", log, 2), **alone)
    assert "no trusted witness has cosigned that tree, and none is demanded" in done.out
    assert f"NOT proven: the consumer's signature on its request; no key of {CONSUMER} is trusted" in done.out
    removed = log.bundle(2)
    removed.entry.CopyFrom(LogEntry(leaf=removed.entry.leaf))
    (tmp_path / "removed").write_text(bundle_to_file(removed), "utf-8")
    done = await run("verify", tmp_path / "removed", **alone)
    assert "only that there was this entry is proven" in done.out


async def test_an_archive_is_told_apart_by_its_content(
    audited: Audited, run: Run, tmp_path: Path, alone: dict[str, str]
) -> None:
    log, file = audited.log, tmp_path / "archive.json"
    entries = [LogEntry(leaf=one.leaf) if at in (2, 3, 5) else one for at, one in enumerate(log.entries)]
    with file.open("wb") as out:
        write_archive(out, log.header(1), entries[1:])
    english = await run("verify", file, **alone)
    heading, proven, *others = english.out.splitlines()
    assert heading == "Proven:"
    assert proven.startswith(
        "  entries 1 to 6 of the log stayput.example/log are complete, unchanged and in ord"
    )
    assert proven.endswith(", up to the tree of 7 entries that it signed")
    assert others == [
        f"  {WITNESSES[0]} cosigned that tree on 2026-11-23 02:00 +0000",
        f"  {WITNESSES[1]} cosigned that tree on 2026-11-23 02:00 +0000",
        "  2 receipts and 1 events with their content",
        "  2 receipts are signed by their nodes, 2 requests by their consumers, with trusted keys",
        "  the content of 3 entries had been removed before: 2–3, 5",
    ]
    trusting(alone, replace(log.trust, nodes={}))
    chinese = await run("verify", file, **alone, **CHINESE)
    assert f"未证明：2 份回执的签名；信任文件中没有这些节点的公钥：{NODE}" in chinese.out
    shown = json.loads((await run("verify", file, "--json", **alone)).out)
    assert (shown["first"], shown["end"], shown["removed"]) == (1, 7, [[2, 4], [5, 6]])
    assert (shown["unknown_nodes"], shown["without_key"]) == ([NODE], 2)
    file.write_bytes(file.read_bytes()[:-1])
    cut = await run("verify", file, **alone)
    assert (cut.code, cut.out) == (1, "")
    assert "(EVIDENCE_INVALID: file: it is cut off)" in cut.err


async def test_what_fails_is_named_in_both_languages(
    audited: Audited, run: Run, tmp_path: Path, alone: dict[str, str]
) -> None:
    log = audited.log
    bundle = log.bundle(3)
    bundle.entry.payload = bundle.entry.payload.replace(b"no longer", b"no LONGER")
    (tmp_path / "bundle").write_text(bundle_to_file(bundle), "utf-8")
    english = await run("verify", tmp_path / "bundle", **alone)
    chinese = await run("verify", tmp_path / "bundle", **alone, **CHINESE)
    assert (english.code, english.out, chinese.code, chinese.out) == (1, "", 1, "")
    assert english.err.splitlines()[0] == (
        "error: salt and content are not those that the leaf commits to "
        "(EVIDENCE_INVALID: commitment: the leaf commits to another salt or payload)"
    )
    assert chinese.err.startswith("错误：盐值和内容不是叶子所承诺的（EVIDENCE_INVALID：commitment: ")
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    assert "EVIDENCE_INVALID: file: " in (await run("verify", empty, **alone)).err


async def test_without_a_trust_file_nothing_is_believed(
    audited: Audited, run: Run, tmp_path: Path, alone: dict[str, str]
) -> None:
    file = written(tmp_path / "bundle", audited.log, 2)
    elsewhere = tmp_path / "elsewhere.toml"
    (Path(alone["STAYPUT_HOME"]) / "trust.toml").rename(elsewhere)
    english, chinese = await run("verify", file, **alone), await run("verify", file, **alone, **CHINESE)
    assert (english.code, chinese.code) == (1, 1)
    assert english.err.startswith("error: there is no trust file ")
    assert chinese.err.startswith("错误：没有信任文件 ")
    assert (await run("verify", file, "--trust", elsewhere, **alone)).code == 0
    elsewhere.write_text("log = 7", "utf-8")
    wrong = await run("verify", file, "--trust", elsewhere, **alone)
    assert "trust file: log: is missing, or is not the text of a verifier key" in wrong.err
    elsewhere.write_bytes(b"\xff")
    assert "is damaged" in (await run("verify", file, "--trust", elsewhere, **alone)).err


@pytest.mark.parametrize("part", Part)
def test_every_part_that_can_fail_has_words_in_both_languages(part: Part) -> None:
    fault = explained(evidence_invalid(part, "x"))
    assert fault is not None
    assert f"fault.evidence_{part}" in CATALOGUE
    assert fault.message_in(Language.CHINESE) != fault.message_in(Language.ENGLISH)


def test_a_part_of_a_later_release_is_told_by_its_reason() -> None:
    error = evidence_invalid(Part.FILE, "x")
    error.field = "something"
    assert explained(error) is None
