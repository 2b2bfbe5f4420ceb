"""`StayputError` to `google.rpc.Status` with `ErrorInfo`, and back (google.aip.dev/193)."""

from google.protobuf import any_pb2
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc import StatusCode

from stayput.errors import Reason, StayputError, reason_of
from stayput.v1.errors_pb2 import ErrorReason

DOMAIN = "stayput"
STATUS_TRAILER = "grpc-status-details-bin"

_R = ErrorReason
CODES: dict[Reason, StatusCode] = {
    _R.ERROR_REASON_UNSPECIFIED: StatusCode.UNKNOWN,
    _R.ERROR_REASON_CERTIFICATE_REQUIRED: StatusCode.UNAUTHENTICATED,
    _R.ERROR_REASON_CERTIFICATE_UNKNOWN: StatusCode.UNAUTHENTICATED,
    _R.ERROR_REASON_NOT_PERMITTED: StatusCode.PERMISSION_DENIED,
    _R.ERROR_REASON_INVITATION_INVALID: StatusCode.PERMISSION_DENIED,
    _R.ERROR_REASON_CSR_INVALID: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_FIELD_INVALID: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_RESOURCE_UNKNOWN: StatusCode.NOT_FOUND,
    _R.ERROR_REASON_RESOURCE_NOT_SHARED: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_RESOURCE_NOT_READY: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_RESOURCE_TAKEN: StatusCode.ALREADY_EXISTS,
    _R.ERROR_REASON_APPLICATION_UNKNOWN: StatusCode.NOT_FOUND,
    _R.ERROR_REASON_APPLICATION_DECIDED: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_AGREEMENT_REQUIRED: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_GRANT_UNKNOWN: StatusCode.PERMISSION_DENIED,
    _R.ERROR_REASON_GRANT_SIGNATURE_INVALID: StatusCode.PERMISSION_DENIED,
    _R.ERROR_REASON_GRANT_MISMATCH: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_GRANT_NOT_ACTIVE: StatusCode.PERMISSION_DENIED,
    _R.ERROR_REASON_GRANT_SCOPE: StatusCode.PERMISSION_DENIED,
    _R.ERROR_REASON_CASE_NUMBER_REQUIRED: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_QUOTA_EXCEEDED: StatusCode.RESOURCE_EXHAUSTED,
    _R.ERROR_REASON_OPERATOR_NOT_ALLOWED: StatusCode.PERMISSION_DENIED,
    _R.ERROR_REASON_OUTSIDE_HOURS: StatusCode.PERMISSION_DENIED,
    _R.ERROR_REASON_GRANT_VERSION: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_TICKET_INVALID: StatusCode.UNAUTHENTICATED,
    _R.ERROR_REASON_TICKET_EXPIRED: StatusCode.UNAUTHENTICATED,
    _R.ERROR_REASON_TICKET_CERTIFICATE_MISMATCH: StatusCode.UNAUTHENTICATED,
    _R.ERROR_REASON_TICKET_AUDIENCE: StatusCode.UNAUTHENTICATED,
    _R.ERROR_REASON_TICKET_SCOPE: StatusCode.PERMISSION_DENIED,
    _R.ERROR_REASON_PROFILE_MISMATCH: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_SALT_MISMATCH: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_FIELDS_MISMATCH: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_SUITE_UNSUPPORTED: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_SEALING_KEY_UNKNOWN: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_SEAL_INVALID: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_CHUNK_SIZE: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_PROTOCOL_VIOLATION: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_SESSION_CUT: StatusCode.CANCELLED,
    _R.ERROR_REASON_REQUEST_STATEMENT_INVALID: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_RECEIPT_INVALID: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_LOG_SEQUENCE: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_LOG_FORK: StatusCode.DATA_LOSS,
    _R.ERROR_REASON_LOG_BACKLOG: StatusCode.UNAVAILABLE,
    _R.ERROR_REASON_LOG_ENTRY_UNKNOWN: StatusCode.NOT_FOUND,
    _R.ERROR_REASON_EVIDENCE_INVALID: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_CONFIGURATION_INVALID: StatusCode.INVALID_ARGUMENT,
    _R.ERROR_REASON_SOURCE_INVALID: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_BUILD_RUNNING: StatusCode.ABORTED,
    _R.ERROR_REASON_BUILD_FAILED: StatusCode.INTERNAL,
    _R.ERROR_REASON_STORAGE_FULL: StatusCode.RESOURCE_EXHAUSTED,
    _R.ERROR_REASON_KEY_EPOCH_MISMATCH: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_GENERATION_CHANGED: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_PROOF_INVALID: StatusCode.DATA_LOSS,
    _R.ERROR_REASON_LIST_TOO_SHORT: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_LIST_OVERLAPS: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_SHUTTING_DOWN: StatusCode.UNAVAILABLE,
    _R.ERROR_REASON_CONNECTION_FAILED: StatusCode.UNAVAILABLE,
    _R.ERROR_REASON_DEADLINE_EXCEEDED: StatusCode.DEADLINE_EXCEEDED,
    _R.ERROR_REASON_PINNED_KEY_CHANGED: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_UNSUPPORTED: StatusCode.UNIMPLEMENTED,
    _R.ERROR_REASON_CATCHING_UP: StatusCode.UNAVAILABLE,
    _R.ERROR_REASON_GENERATION_UNKNOWN: StatusCode.NOT_FOUND,
    _R.ERROR_REASON_BOUNDS_EXCEEDED: StatusCode.FAILED_PRECONDITION,
    _R.ERROR_REASON_INTERNAL: StatusCode.INTERNAL,
}

# What a bare status code means when no ErrorInfo came with it: the transport's own failures.
_BARE = {
    StatusCode.UNAVAILABLE: _R.ERROR_REASON_CONNECTION_FAILED,
    StatusCode.CANCELLED: _R.ERROR_REASON_SESSION_CUT,
    StatusCode.DEADLINE_EXCEEDED: _R.ERROR_REASON_DEADLINE_EXCEEDED,
    StatusCode.UNIMPLEMENTED: _R.ERROR_REASON_UNSUPPORTED,
}


def to_status(error: StayputError) -> tuple[StatusCode, status_pb2.Status]:
    """The gRPC code and the `google.rpc.Status` (for the trailer `grpc-status-details-bin`) of an error."""
    code = CODES[error.reason]
    metadata = dict(error.details)
    if error.field:
        metadata["field"] = error.field
    if error.remedy:
        metadata["remedy"] = error.remedy
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=error.reason_name, domain=DOMAIN, metadata=metadata))
    return code, status_pb2.Status(code=code.value[0], message=error.message, details=[detail])


def from_status(code: StatusCode, message: str, trailer: bytes | None) -> StayputError:
    """The error that a failed call carried; one for the bare gRPC code if no `ErrorInfo` came with it."""
    bare = _BARE.get(code, _R.ERROR_REASON_UNSPECIFIED)
    try:
        told = _told(trailer or b"", bare)
    except DecodeError:  # whoever wrote that trailer is no Stayput
        told = None
    name = code_pb2.Code.Name(code.value[0])
    remedy = "check that the other party runs and can be reached, then try again"
    return told or StayputError(bare, f"the call failed with {name}: {message}", remedy=remedy)


def _told(trailer: bytes, bare: Reason) -> StayputError | None:
    status = status_pb2.Status.FromString(trailer)
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            metadata = dict(info.metadata)
            field, remedy = metadata.pop("field", ""), metadata.pop("remedy", "")
            # A reason that this release does not know is 0; then the code decides (errors.proto).
            reason = reason_of(info.reason) or bare
            return StayputError(reason, status.message, field=field, remedy=remedy, details=metadata)
    return None
