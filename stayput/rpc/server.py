"""The server side of the error vocabulary, and who is calling."""

import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import lru_cache
from typing import Any, TypeAlias

import grpc
import grpc.aio
import structlog
from cryptography import x509

from stayput.errors import StayputError
from stayput.identity import Caller, caller_of
from stayput.rpc.status import STATUS_TRAILER, to_status
from stayput.v1.errors_pb2 import ErrorReason

_log = structlog.get_logger(__name__)

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


def caller(context: Context) -> Caller:
    """Who is on the other end of this call, by its certificate.

    Raises `CERTIFICATE_REQUIRED` if it showed none, `CERTIFICATE_UNKNOWN` if it names no party.
    """
    pem = next(iter(context.auth_context().get("x509_pem_cert", ())), None)
    if pem is None:
        raise StayputError(
            ErrorReason.ERROR_REASON_CERTIFICATE_REQUIRED,
            "this call needs a client certificate",
            remedy="enrol first",
        )
    return _caller_of_pem(pem)


@lru_cache(maxsize=1024)
def _caller_of_pem(pem: bytes) -> Caller:
    return caller_of(x509.load_pem_x509_certificate(pem))


class ErrorInterceptor(grpc.aio.ServerInterceptor):
    """Sends `StayputError` as `google.rpc.Status`, anything else as `INTERNAL` under an incident number.

    The one place of a process that catches every exception: a fault is logged by its type and place (never
    its message, which may hold data) and the caller learns only the number.
    """

    def __init__(self) -> None:
        self._wrapped: dict[str, _Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["_Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "_Handler | None":
        """Wraps the method's handler, which is the same object for each call of it."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        ours = method.startswith("/stayput.")
        if handler is None or not ours:  # an unknown method, or gRPC's own health and reflection services
            return handler
        if method not in self._wrapped:
            self._wrapped[method] = _wrapped(handler, method)
        return self._wrapped[method]


def _wrapped(handler: Any, method: str) -> _Handler:
    serialisation = {
        "request_deserializer": handler.request_deserializer,
        "response_serializer": handler.response_serializer,
    }
    if handler.unary_unary:
        return grpc.unary_unary_rpc_method_handler(_guard(handler.unary_unary, method), **serialisation)
    if handler.unary_stream:
        return grpc.unary_stream_rpc_method_handler(
            _guard_stream(handler.unary_stream, method), **serialisation
        )
    if handler.stream_stream:
        return grpc.stream_stream_rpc_method_handler(
            _guard_stream(handler.stream_stream, method), **serialisation
        )
    raise TypeError(f"{method}: no such kind of method in stayput.v1")


def _guard(behaviour: Callable[[Any, Context], Awaitable[Any]], method: str) -> Any:
    async def guarded(request: Any, context: Context) -> Any:
        try:
            _check_transport(context)
            return await behaviour(request, context)
        except Exception as error:  # noqa: BLE001 (the RPC boundary)
            await _abort(context, error, method)

    return guarded


def _guard_stream(behaviour: Callable[[Any, Context], AsyncGenerator[Any, None]], method: str) -> Any:
    async def guarded(request: Any, context: Context) -> AsyncGenerator[Any, None]:
        try:
            _check_transport(context)
            # Closed here and now, so that what the method does at its end is done when this call ends.
            async with aclosing(behaviour(request, context)) as responses:
                async for response in responses:
                    yield response
        except Exception as error:  # noqa: BLE001 (the RPC boundary)
            await _abort(context, error, method)

    return guarded


def _check_transport(context: Context) -> None:
    properties = context.auth_context()
    if b"ssl" in properties["transport_security_type"] and properties["ssl_tls_version"] != [b"TLSv1.3"]:
        raise StayputError(
            ErrorReason.ERROR_REASON_UNSUPPORTED,
            "the connection is not TLS 1.3",
            remedy="connect by TLS 1.3, the only version spoken here",
        )


async def _abort(context: Context, error: Exception, method: str) -> None:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if not isinstance(error, StayputError):
        error = _incident(error, method)
    code, status = to_status(error)
    await context.abort(
        code, status.message, trailing_metadata=((STATUS_TRAILER, status.SerializeToString()),)
    )


def _incident(error: Exception, method: str) -> StayputError:
    incident = secrets.token_hex(6)
    places = []
    trace = error.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}")
        trace = trace.tb_next
    _log.error("incident", incident=incident, method=method, type=type(error).__name__, places=places[-8:])
    return StayputError(
        ErrorReason.ERROR_REASON_INTERNAL,
        "a fault of the program; nothing of the request was kept",
        remedy="tell the operator the incident number",
        details={"incident": incident},
    )
