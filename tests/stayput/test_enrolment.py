from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.json_format import MessageToJson
from hypothesis import given
from hypothesis import strategies as st

from stayput import enrolment, signing
from stayput.enrolment import PartyKeys
from stayput.errors import StayputError
from stayput.identity import Party, department, node
from stayput.v1.enrolment_pb2 import EnrolResponse, Invitation
from stayput.v1.errors_pb2 import ErrorReason
from tests.stayput.authority import Authority, names_of

AUTHORITY = Authority.new()
KEYS = PartyKeys.generate()
INVITATION = Invitation(
    enrolment_address="127.0.0.1:9",
    ca_certificate=AUTHORITY.pem.decode(),
    token="kJ2w",
    department="civil-affairs",
)


def answered(
    party: Party, authority: Authority = AUTHORITY, public: ec.EllipticCurvePublicKey | None = None
) -> EnrolResponse:
    """A response whose certificate names the party."""
    certificate = authority.certify(public or KEYS.tls.public_key(), names_of(party))
    return EnrolResponse(certificate_chain=(certificate.public_bytes(Encoding.PEM) + authority.pem).decode())


def refusal(call: Callable[[], object]) -> StayputError:
    with pytest.raises(StayputError) as caught:
        call()
    return caught.value


def test_an_invitation_is_read_from_its_file() -> None:
    assert enrolment.read_invitation(MessageToJson(INVITATION)) == INVITATION


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "1", '"x"', "[1]", '["token"]', '{"unknown": 1}', '{"token": 1}', "[" * 100_000],
)
def test_a_file_that_is_no_invitation_is_refused(text: str) -> None:
    error = refusal(lambda: enrolment.read_invitation(text))
    assert (error.reason, error.field) == (ErrorReason.ERROR_REASON_FIELD_INVALID, "invitation")


@given(st.text())
def test_arbitrary_text_is_no_invitation(text: str) -> None:
    error = refusal(lambda: enrolment.read_invitation(text))
    assert error.reason == ErrorReason.ERROR_REASON_FIELD_INVALID


@pytest.mark.parametrize("field", ["enrolment_address", "ca_certificate", "token", "department"])
def test_an_invitation_that_lacks_something_is_refused(field: str) -> None:
    without = Invitation.FromString(INVITATION.SerializeToString())
    without.ClearField(field)  # type: ignore[arg-type]
    error = refusal(lambda: enrolment.read_invitation(MessageToJson(without)))
    assert (error.reason, error.field) == (ErrorReason.ERROR_REASON_FIELD_INVALID, f"invitation.{field}")


@pytest.mark.parametrize("pem", ["x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_an_invitation_with_a_damaged_trust_anchor_is_refused(pem: str) -> None:
    damaged = Invitation.FromString(INVITATION.SerializeToString())
    damaged.ca_certificate = pem
    error = refusal(lambda: enrolment.read_invitation(MessageToJson(damaged)))
    assert error.field == "invitation.ca_certificate"


def test_an_invitation_is_for_a_department_or_its_node() -> None:
    assert enrolment.invited(INVITATION) == department("civil-affairs")
    assert enrolment.invited(Invitation(department="traffic-police", node_id="traffic-1")) == node(
        "traffic-1"
    )


def test_the_request_proves_possession_of_both_keys() -> None:
    csr = enrolment.csr_of(KEYS)
    request = enrolment.request(INVITATION, KEYS, csr)
    assert (request.token, request.csr) == (INVITATION.token, csr)
    loaded = x509.load_der_x509_csr(csr)
    assert loaded.is_signature_valid
    assert loaded.public_key() == KEYS.tls.public_key()
    assert len(request.signing_key) == 32
    proof = (signing.PayloadType.SIGNING_KEY_PROOF, csr, request.signing_key_proof, request.signing_key)
    assert signing.verify_bytes(*proof) == csr
    with pytest.raises(signing.SignatureInvalid):
        signing.verify_bytes(proof[0], enrolment.csr_of(PartyKeys.generate()), proof[2], proof[3])


def test_keys_show_nothing_secret() -> None:
    scalar = KEYS.tls.private_numbers().private_value
    for secret in (str(scalar), f"{scalar:x}", KEYS.signing.private_bytes_raw().hex()):
        assert secret not in repr(KEYS)


@pytest.mark.parametrize("party", [department("civil-affairs"), node("traffic-1")])
def test_a_certificate_for_our_key_and_name_is_taken(party: Party) -> None:
    invitation = Invitation.FromString(INVITATION.SerializeToString())
    invitation.node_id = party.id if party == node("traffic-1") else ""
    response = answered(party)
    assert enrolment.checked(response, invitation, KEYS) is response


def _self_issued() -> EnrolResponse:
    """A certificate in the CA's name that the CA did not sign."""
    impostor = Authority(ec.generate_private_key(ec.SECP256R1()), AUTHORITY.certificate)
    return answered(department("civil-affairs"), impostor)


def _ed25519() -> EnrolResponse:
    builder = x509.CertificateBuilder().subject_name(x509.Name([])).serial_number(1)
    builder = builder.issuer_name(AUTHORITY.certificate.subject)
    builder = builder.public_key(Ed25519PrivateKey.generate().public_key())
    builder = builder.not_valid_before(AUTHORITY.certificate.not_valid_before_utc)
    builder = builder.not_valid_after(AUTHORITY.certificate.not_valid_after_utc)
    certificate = builder.sign(AUTHORITY.key, SHA256())
    return EnrolResponse(certificate_chain=certificate.public_bytes(Encoding.PEM).decode())


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (EnrolResponse, "no certificate in PEM"),
        (lambda: EnrolResponse(certificate_chain="x"), "no certificate in PEM"),
        (lambda: answered(department("civil-affairs"), Authority.new()), "not signed by the platform's CA"),
        (_self_issued, "not signed by the platform's CA"),
        (_ed25519, "another kind of key"),
        (lambda: answered(department("water-works")), "names another party"),
        (lambda: answered(node("civil-affairs")), "names another party"),
        (
            lambda: answered(
                department("civil-affairs"), public=ec.generate_private_key(ec.SECP256R1()).public_key()
            ),
            "is for another key",
        ),
    ],
    ids=["empty", "garbage", "CA of that name", "impostor", "Ed25519", "department", "kind", "key"],
)
def test_a_certificate_that_is_not_ours_is_refused(make: Callable[[], EnrolResponse], problem: str) -> None:
    error = refusal(lambda: enrolment.checked(make(), INVITATION, KEYS))
    assert error.reason == ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN
    assert problem in error.message


def test_a_certificate_that_names_nobody_is_refused() -> None:
    certificate = AUTHORITY.certify(KEYS.tls.public_key(), [])
    response = EnrolResponse(certificate_chain=certificate.public_bytes(Encoding.PEM).decode())
    error = refusal(lambda: enrolment.checked(response, INVITATION, KEYS))
    assert error.reason == ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN
