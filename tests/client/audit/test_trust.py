"""The trust file through the command: begun with the log's key, pinned from then on."""

import stat
from pathlib import Path

import pytest

from stayput.evidence import Trust
from stayput.evidence.trust import encoded
from stayput_client.home import Home
from tests.client.audit.conftest import Audited, Run
from tests.client.world import cells
from tests.stayput.evidence.made import CONSUMER, NODE, MadeLog, raw

CHINESE = {"LC_ALL": "zh_CN.UTF-8"}


@pytest.fixture
def begun(audited: Audited) -> Audited:
    audited.trust.write_text(Trust(audited.log.signer.verifier).to_toml(), "utf-8")
    return audited


def stated(audited: Audited) -> Trust:
    return Trust.parse(audited.trust.read_text("utf-8"))


async def test_a_trust_file_is_built_key_by_key(audited: Audited, run: Run, tmp_path: Path) -> None:
    log, home = audited.log, tmp_path / "deep" / "home"
    keys = [str(witness.verifier) for witness in log.witnesses]
    for arguments in (
        ("add-log", str(log.signer.verifier)),
        ("add-witness", keys[0]),
        ("add-witness", keys[1], "--least", "2"),
        ("add-witness", keys[1]),
        ("add-node", NODE, encoded(raw(log.node_key))),
        ("add-node", NODE, encoded(raw(log.node_key))),
        ("add-consumer", CONSUMER, encoded(raw(log.consumer_key))),
    ):
        done = await run("trust", *arguments, "--home", home)
        assert (done.code, done.err) == (0, "")
    assert Trust.parse((home / "trust.toml").read_text("utf-8")) == log.trust
    assert stat.S_IMODE((home / "trust.toml").stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    english = await run("trust", "show", "--home", home)
    assert cells(english.out)[1][:2] == ["log", "stayput.example/log"]
    assert cells(english.out)[4] == ["node", NODE, encoded(raw(log.node_key))]
    assert english.out.endswith("At least 2 of the witnesses must have cosigned\n")
    assert cells((await run("trust", "show", "--home", home, **CHINESE)).out)[2][0] == "见证方"


async def test_another_log_is_refused_and_the_same_one_changes_nothing(audited: Audited, run: Run) -> None:
    before = audited.trust.read_bytes()
    assert (await run("trust", "add-log", str(audited.log.signer.verifier))).code == 0
    refused = await run("trust", "add-log", str(MadeLog().signer.verifier))
    assert refused.code == 1
    assert refused.err.startswith(f"error: {audited.trust} states another key of the log")
    assert audited.trust.read_bytes() == before


async def test_keys_of_nodes_come_from_the_catalogue_and_are_pinned(begun: Audited, run: Run) -> None:
    log = begun.log
    assert (await run("trust", "fetch")).code == 0
    assert stated(begun).nodes == {NODE: (raw(log.node_key),)}
    assert (await run("trust", "fetch")).code == 0
    begun.catalogue.resources["vehicle-owners"].signing_key = raw(log.log_key)
    english, chinese = await run("trust", "fetch"), await run("trust", "fetch", **CHINESE)
    assert (english.code, chinese.code) == (1, 1)
    assert english.err.startswith(f"error: the catalogue shows another key of node {NODE} than")
    assert chinese.err.startswith(f"错误：目录中节点 {NODE} 的公钥与")
    assert stated(begun).nodes == {NODE: (raw(log.node_key),)}
    # What a person adds after asking is believed besides.
    assert (await run("trust", "add-node", NODE, encoded(raw(log.log_key)))).code == 0
    assert (await run("trust", "fetch")).code == 0
    assert stated(begun).nodes == {NODE: (raw(log.node_key), raw(log.log_key))}


async def test_a_node_met_before_with_another_key_is_refused(begun: Audited, run: Run) -> None:
    Home(begun.home).pin(NODE, bytes(32))
    done = await run("trust", "fetch")
    assert done.code == 1
    assert "is not the one pinned at first use" in done.err
    assert stated(begun).nodes == {}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("add-log", "x"), "log: "),
        (("add-witness", "x"), "witnesses: "),
        (("add-node", NODE, "x"), "nodes: is not the Base64 of a key of 32 bytes"),
        (("add-node", "Node", encoded(bytes(32))), "node: must be 2 to 63 of"),
        (("add-consumer", CONSUMER, "AAAA"), "consumers: is not the Base64 of a key of 32 bytes"),
    ],
)
async def test_keys_that_are_none_are_named(
    begun: Audited, run: Run, arguments: tuple[str, ...], complaint: str
) -> None:
    before = begun.trust.read_bytes()
    done = await run("trust", *arguments)
    assert (done.code, done.out) == (1, "")
    assert complaint in done.err
    assert begun.trust.read_bytes() == before


async def test_the_log_comes_first(audited: Audited, run: Run) -> None:
    audited.trust.unlink()
    for arguments in (("show",), ("fetch",), ("add-node", NODE, encoded(bytes(32)))):
        done = await run("trust", *arguments)
        assert done.code == 1
        assert "stayput trust add-log KEY" in done.err
    assert not audited.trust.exists()


async def test_more_witnesses_than_there_are_cannot_be_demanded(begun: Audited, run: Run) -> None:
    done = await run("trust", "add-witness", str(begun.log.witnesses[0].verifier), "--least", "2")
    assert (done.code, stated(begun).witnesses) == (1, ())
    assert "least_witnesses: must be 0 to the number of witnesses" in done.err
