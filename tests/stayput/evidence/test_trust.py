"""The trust file: what it says is believed, and what it says wrongly is named."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from stayput.errors import StayputError
from stayput.evidence import Trust
from stayput.evidence.trust import encoded
from stayput.identity import CODE
from stayput.notes import Cosigner
from stayput.v1.errors_pb2 import ErrorReason
from tests.stayput.evidence.made import CONSUMER, NODE, MadeLog, raw

LOG = MadeLog()
KEY = encoded(raw(LOG.node_key))
LOG_LINE = f'log = "{LOG.signer.verifier}"\n'
WITNESS = str(LOG.witnesses[0].verifier)


def refused(text: str) -> str:
    with pytest.raises(StayputError) as caught:
        Trust.parse(text)
    assert caught.value.reason == ErrorReason.ERROR_REASON_CONFIGURATION_INVALID
    assert caught.value.field in caught.value.message
    assert KEY not in caught.value.message
    return caught.value.field


def test_what_is_written_is_read() -> None:
    assert Trust.parse(LOG.trust.to_toml()) == LOG.trust
    alone = Trust.parse(LOG_LINE)
    assert alone == Trust(LOG.signer.verifier)
    assert Trust.parse(alone.to_toml()) == alone


@given(
    st.dictionaries(
        st.from_regex(CODE, fullmatch=True) | st.text(st.characters(exclude_categories=["Cs"])),
        st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=3).map(tuple),
        max_size=5,
    )
)
def test_any_parties_are_written_and_read(parties: dict[str, tuple[bytes, ...]]) -> None:
    trust = replace(LOG.trust, nodes=parties, consumers=parties)
    assert Trust.parse(trust.to_toml()) == trust


def test_a_sample_by_hand() -> None:
    text = f"""
{LOG_LINE}witnesses = ["{WITNESS}"]
least_witnesses = 1
[nodes]
{NODE} = ["{KEY}"]
[consumers]
{CONSUMER} = ["{KEY}", "{KEY}"]
"""
    trust = Trust.parse(text)
    assert (trust.least_witnesses, trust.nodes[NODE]) == (1, (raw(LOG.node_key),))
    assert len(trust.consumers[CONSUMER]) == 2


_WRONG = [
    ("", "log"),
    ("log = 7", "log"),
    ('log = "x"', "log"),
    (f'log = "{WITNESS}"', "log"),
    ("log =", "trust"),
    (LOG_LINE + "colour = 1", "colour"),
    (LOG_LINE + 'witnesses = "x"', "witnesses"),
    (LOG_LINE + 'witnesses = ["x"]', "witnesses"),
    (LOG_LINE + f'witnesses = ["{LOG.signer.verifier}"]', "witnesses"),
    (LOG_LINE + f'witnesses = ["{WITNESS}", "{WITNESS}"]', "witnesses"),
    (LOG_LINE + "least_witnesses = 1", "least_witnesses"),
    (LOG_LINE + "least_witnesses = -1", "least_witnesses"),
    (LOG_LINE + "least_witnesses = true", "least_witnesses"),
    (LOG_LINE + 'least_witnesses = "1"', "least_witnesses"),
    (LOG_LINE + "nodes = 1", "nodes"),
    (LOG_LINE + f'[nodes]\n{NODE} = "{KEY}"', f"nodes.{NODE}"),
    (LOG_LINE + f"[nodes]\n{NODE} = []", f"nodes.{NODE}"),
    (LOG_LINE + f'[nodes]\n{NODE} = ["{KEY[:-4]}"]', f"nodes.{NODE}"),
    (LOG_LINE + f"[nodes]\n{NODE} = [7]", f"nodes.{NODE}"),
    (LOG_LINE + f'[consumers]\n{CONSUMER} = ["="]', f"consumers.{CONSUMER}"),
]


# The texts hold keys that are drawn anew in each process, so they cannot name the cases.
@pytest.mark.parametrize(("text", "field"), _WRONG, ids=map(str, range(len(_WRONG))))
def test_what_is_wrong_is_named(text: str, field: str) -> None:
    assert refused(text) == field


def test_a_witness_that_has_the_log_s_key_is_no_witness() -> None:
    itself = Cosigner("urn:stayput:department:audit-office", LOG.log_key).verifier
    assert refused(LOG_LINE + f'witnesses = ["{itself}"]') == "witnesses"


def test_two_keys_of_one_witness_are_one_witness() -> None:
    renewed = Cosigner(LOG.witnesses[0].name, Ed25519PrivateKey.generate()).verifier
    witnesses = f'witnesses = ["{WITNESS}", "{renewed}"]\n'
    assert len(Trust.parse(LOG_LINE + witnesses + "least_witnesses = 1").witnesses) == 2
    assert refused(LOG_LINE + witnesses + "least_witnesses = 2") == "least_witnesses"
