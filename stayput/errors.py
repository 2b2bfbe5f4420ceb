"""The one error vocabulary: `StayputError` carries an `ErrorReason` of the .proto, a message and a remedy.

Messages name the field, what is wrong and what to do; they never hold a value from a record, a key or a
token. The translation to and from gRPC is in `stayput.rpc.status`.
"""

from collections.abc import Mapping
from typing import TypeAlias

from stayput.v1.errors_pb2 import ErrorReason

Reason: TypeAlias = "ErrorReason.ValueType"
_PREFIX = "ERROR_REASON_"


class StayputError(Exception):
    """A failure that a caller is told about.

    `message` says what is wrong, `field` names the input concerned (empty if none), `remedy` says what to do,
    `details` holds the further metadata keys that errors.proto documents for the reason.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        field: str = "",
        remedy: str = "",
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.field = field
        self.remedy = remedy
        self.details: Mapping[str, str] = details or {}

    def __str__(self) -> str:
        return f"{self.reason_name}: {self.message}"

    @property
    def reason_name(self) -> str:
        """The reason as sent in `ErrorInfo.reason`, for example `GRANT_UNKNOWN`."""
        return reason_name(self.reason)


def reason_name(reason: Reason) -> str:
    """Name of a reason without the enum's prefix."""
    return ErrorReason.Name(reason).removeprefix(_PREFIX)


def reason_of(name: str) -> Reason:
    """The reason of that name; `ERROR_REASON_UNSPECIFIED` for one this release does not know."""
    full = _PREFIX + name
    if full not in ErrorReason.keys():  # noqa: SIM118 (a protobuf enum wrapper is not a dict)
        return ErrorReason.ERROR_REASON_UNSPECIFIED
    return ErrorReason.Value(full)


def field_invalid(field: str, problem: str, remedy: str = "") -> StayputError:
    """The commonest error: an input field that is missing, malformed or out of range."""
    return StayputError(
        ErrorReason.ERROR_REASON_FIELD_INVALID, f"{field}: {problem}", field=field, remedy=remedy
    )
