import hashlib
from base64 import urlsafe_b64decode

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from stayput.errors import StayputError
from stayput.identity import COMPARATOR_NAME, Kind, Party, caller_of, department, node, thumbprint
from stayput.v1.errors_pb2 import ErrorReason
from tests.stayput.authority import Authority, names_of

AUTHORITY = Authority.new()
PUBLIC = ec.generate_private_key(ec.SECP256R1()).public_key()
WELL_FORMED = ["civil-affairs", "d1", "a" + "b" * 62, "x--y"]
MALFORMED = ["", "a", "1a", "-a", "a-", "A1", "a_b", "a.b", "a b", "ab\n", "民政", "a" * 64]
URN = "urn:stayput:department:civil-affairs"


@pytest.mark.parametrize("code", WELL_FORMED)
def test_a_party_s_urn_names_it(code: str) -> None:
    for party in (department(code), node(code)):
        assert Party.from_urn(party.urn) == party
    assert department(code).urn == f"urn:stayput:department:{code}"
    assert node(code).urn == f"urn:stayput:node:{code}"


def test_departments_nodes_and_the_comparator_never_share_a_tls_name() -> None:
    names = {party.tls_name for code in WELL_FORMED for party in (department(code), node(code))}
    assert len(names | {COMPARATOR_NAME}) == 2 * len(WELL_FORMED) + 1
    assert node("comparator").tls_name == "comparator.node.stayput.internal" != COMPARATOR_NAME


@pytest.mark.parametrize("code", MALFORMED)
def test_a_malformed_code_is_refused(code: str) -> None:
    for make, field in ((department, "department"), (node, "node")):
        with pytest.raises(StayputError) as caught:
            make(code)
        assert caught.value.reason == ErrorReason.ERROR_REASON_FIELD_INVALID
        assert caught.value.field == field
    with pytest.raises(ValueError, match="URN"):
        Party.from_urn(f"urn:stayput:node:{code}")


@pytest.mark.parametrize(
    "urn",
    [
        "",
        "urn:stayput:",
        "urn:stayput:comparator",
        "urn:stayput:operator:abc",
        "urn:stayput:department",
        "urn:stayput:department:civil-affairs:x",
        "xurn:stayput:department:civil-affairs",
        "URN:stayput:department:civil-affairs",
        " urn:stayput:department:civil-affairs",
        "urn:stayput:department:urn:stayput:node:n1",
    ],
)
def test_what_is_not_a_party_s_urn_is_refused(urn: str) -> None:
    with pytest.raises(ValueError, match=r"URN|not a valid Kind"):
        Party.from_urn(urn)


@given(st.text(max_size=60))
def test_arbitrary_text_names_a_party_only_by_its_own_urn(text: str) -> None:
    try:
        party = Party.from_urn(text)
    except ValueError:
        return
    assert party.urn == text


def test_a_certificate_names_its_party() -> None:
    certificate = AUTHORITY.certify(PUBLIC, names_of(node("traffic-1")))
    caller = caller_of(certificate)
    assert caller.party == Party(Kind.NODE, "traffic-1")
    assert caller.thumbprint == thumbprint(certificate)


def test_the_thumbprint_is_that_of_rfc_8705() -> None:
    certificate = AUTHORITY.certify(PUBLIC, names_of(department("civil-affairs")))
    value = thumbprint(certificate)
    assert len(value) == 43
    assert "=" not in value
    der = certificate.public_bytes(Encoding.DER)
    assert urlsafe_b64decode(value + "=") == hashlib.sha256(der).digest()


@pytest.mark.parametrize(
    "names",
    [
        [],
        [x509.DNSName("civil-affairs.department.stayput.internal")],
        [x509.UniformResourceIdentifier("urn:other:department:civil-affairs")],
        [x509.UniformResourceIdentifier(URN), x509.UniformResourceIdentifier("urn:stayput:node:n1")],
        [x509.UniformResourceIdentifier(URN), x509.UniformResourceIdentifier("urn:stayput:nothing")],
        [x509.UniformResourceIdentifier("urn:stayput:department:")],
        [x509.UniformResourceIdentifier("urn:stayput:auditor:audit-office")],
    ],
    ids=[
        "none",
        "only a host",
        "another scheme",
        "two",
        "one and a malformed one",
        "no code",
        "no such kind",
    ],
)
def test_a_certificate_must_have_exactly_one_well_formed_urn(names: list[x509.GeneralName]) -> None:
    with pytest.raises(StayputError) as caught:
        caller_of(AUTHORITY.certify(PUBLIC, names))
    assert caught.value.reason == ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN


def test_other_names_beside_the_urn_do_no_harm() -> None:
    names = [*names_of(department("civil-affairs")), x509.UniformResourceIdentifier("https://example.com")]
    assert caller_of(AUTHORITY.certify(PUBLIC, names)).party == department("civil-affairs")
