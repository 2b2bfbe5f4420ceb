"""`stayput receipt show` of receipts of the oblivious mode, in both languages."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stayput import receipts, signing
from stayput.v1.contract_pb2 import GRANULARITY_RECORD, MODE_OBLIVIOUS
from stayput.v1.log_pb2 import SESSION_END_COMPLETE, FingerprintFetch, Receipt
from tests.client.servicers.register import AS_OF
from tests.client.world import RESOURCE, Command, facts

CHINESE = {"LC_ALL": "zh_CN.UTF-8"}


def kept(directory: Path, receipt: Receipt) -> Path:
    """A receipt file; nobody looks at its signature to show it."""
    envelope = signing.sign(signing.PayloadType.RECEIPT, receipt, Ed25519PrivateKey.generate())
    path = directory / "out.csv.receipt.json"
    path.write_text(receipts.to_line(envelope), "utf-8")
    return path


def of_session() -> Receipt:
    return Receipt(
        resource=RESOURCE,
        mode=MODE_OBLIVIOUS,
        granularity=GRANULARITY_RECORD,
        key="resident_id",
        checks=["name"],
        records=1_500,
        as_of=AS_OF,
        started_at=AS_OF,
        finished_at=AS_OF,
        end=SESSION_END_COMPLETE,
        leakage="oblivious-record/1",
        oblivious_suite="oblivious/1",
        key_epoch="00f0a1b2c3d4e5f6",
        elements=2_900,
        repeated_elements=1_000,
    )


async def test_elements_and_keys_of_an_oblivious_session_are_shown(tmp_path: Path, stayput: Command) -> None:
    path = kept(tmp_path, of_session())
    english = await stayput("receipt", "show", path)
    said = {row[0]: row[1] for row in facts(english.out) if len(row) > 1}
    assert said["Mode"] == "OBLIVIOUS"
    assert (said["Elements evaluated"], said["Of them repeated, not charged again"]) == ("2,900", "1,000")
    assert (said["Suite of the oblivious mode"], said["Key epoch"]) == ("oblivious/1", "00f0a1b2c3d4e5f6")
    assert "Suite" not in said
    assert "Different records" not in said
    assert "Who learns what in oblivious mode, outcomes per record (oblivious-record/1):" in english.out
    chinese = await stayput("receipt", "show", path, **CHINESE)
    said = {row[0]: row[1] for row in facts(chinese.out) if len(row) > 1}
    assert (said["计算的元素数"], said["其中重复而未再计入限额的"]) == ("2,900", "1,000")
    assert "伪随机指纹会离开节点" in chinese.out


async def test_a_fetch_of_fingerprints_says_what_was_charged(tmp_path: Path, stayput: Command) -> None:
    receipt = of_session()
    receipt.records = receipt.elements = receipt.repeated_elements = 0
    receipt.fetch.CopyFrom(FingerprintFetch(fingerprints=50_000, held_elements=2_900, charged_elements=2_900))
    path = kept(tmp_path, receipt)
    english, chinese = (
        await stayput("receipt", "show", path),
        await stayput("receipt", "show", path, **CHINESE),
    )
    assert ["Fingerprints fetched", "50,000"] in [row[:2] for row in facts(english.out)]
    assert ["其中计入限额的", "2,900"] in [row[:2] for row in facts(chinese.out)]
    shown = json.loads((await stayput("receipt", "show", path, "--json")).out)
    assert (shown["fetch_held_elements"], shown["fetch_charged_elements"]) == (2_900, 2_900)


@pytest.mark.parametrize("named", ["", "oblivious-record/9", "keyed-record/1"])
async def test_a_statement_that_this_release_does_not_know_is_not_made_up(
    tmp_path: Path, stayput: Command, named: str
) -> None:
    receipt = of_session()
    receipt.leakage = named
    shown = await stayput("receipt", "show", kept(tmp_path, receipt))
    assert (shown.code, shown.err) == (0, "")
    assert "Who learns what" not in shown.out
    assert named in shown.out
