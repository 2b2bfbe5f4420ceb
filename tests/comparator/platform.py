"""A comparator in this process, and enrolled parties that call it over mutual TLS."""

import json
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import grpc.aio
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import URL
from typer.testing import Result

from comparator.cli import setup
from comparator.config import Config, load
from comparator.data import DataDirectory, Running
from comparator.domain import enrolment
from comparator.server import USUAL_PACE, Pace, serving
from comparator.store.database import Database
from comparator.store.models import Role
from stayput.enrolment import PartyKeys, checked, csr_of, request
from stayput.errors import StayputError
from stayput.identity import COMPARATOR_NAME, Party, department, node
from stayput.rpc import tls
from stayput.rpc.client import translated
from stayput.v1.access_pb2_grpc import AccessServiceStub
from stayput.v1.catalogue_pb2_grpc import CatalogueServiceStub
from stayput.v1.enrolment_pb2 import EnrolRequest, EnrolResponse, Invitation
from stayput.v1.enrolment_pb2_grpc import EnrolmentServiceStub
from stayput.v1.log_pb2_grpc import LogServiceStub

if TYPE_CHECKING:
    from stayput.v1.access_pb2_grpc import AccessServiceAsyncStub
    from stayput.v1.catalogue_pb2_grpc import CatalogueServiceAsyncStub
    from stayput.v1.log_pb2_grpc import LogServiceAsyncStub

ANY_PORT = "127.0.0.1:0"
Run = Callable[..., Result]


class Clock:
    """The real time, moved as a test wants."""

    def __init__(self) -> None:
        self.moved = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.moved

    def advance(self, by: timedelta) -> None:
        self.moved += by


@dataclass
class Member:
    """An enrolled department or node with its connection."""

    party: Party
    department: str
    keys: PartyKeys
    response: EnrolResponse
    credentials: tls.Credentials
    channel: grpc.aio.Channel
    access: "AccessServiceAsyncStub" = field(init=False)
    catalogue: "CatalogueServiceAsyncStub" = field(init=False)
    log: "LogServiceAsyncStub" = field(init=False)

    def __post_init__(self) -> None:
        self.access = AccessServiceStub(self.channel)
        self.catalogue = CatalogueServiceStub(self.channel)
        self.log = LogServiceStub(self.channel)

    @property
    def id(self) -> str:
        return self.party.id


@dataclass
class Platform:
    """The running comparator, seen from outside and, for what only an operator does, from inside."""

    config: Config
    clock: Clock
    running: Running
    database: Database
    stack: AsyncExitStack

    @property
    def ca_certificate(self) -> bytes:
        return DataDirectory(self.config.data).ca_certificate.read_bytes()

    def invite_department(
        self, code: str, title: str = "某部门", roles: frozenset[Role] | None = None
    ) -> Invitation:
        token = secrets.token_bytes(32)
        life = timedelta(hours=self.config.validity.invitation_hours)
        with self.database.writing() as store:
            text = enrolment.invite_department(store, code, title, token, self.clock(), life, roles)
        return self._invitation(text, department=code)

    def invite_node(self, node_id: str, code: str) -> Invitation:
        token = secrets.token_bytes(32)
        life = timedelta(hours=self.config.validity.invitation_hours)
        with self.database.writing() as store:
            text = enrolment.invite_node(store, node_id, code, token, self.clock(), life)
        return self._invitation(text, department=code, node_id=node_id)

    def _invitation(self, token: str, **names: str) -> Invitation:
        return Invitation(
            enrolment_address=self.running.enrolment,
            ca_certificate=self.ca_certificate.decode(),
            token=token,
            **names,
        )

    async def enrol(self, asked: EnrolRequest) -> EnrolResponse:
        """The bare call."""
        channel = tls.enrolment_channel(self.running.enrolment, COMPARATOR_NAME, self.ca_certificate)
        async with channel:
            with translated("comparator"):
                return await EnrolmentServiceStub(channel).Enrol(asked, timeout=20)

    async def member(self, invitation: Invitation, keys: PartyKeys | None = None) -> Member:
        """Enrols with the invitation and connects."""
        keys = keys or PartyKeys.generate()
        response = await self.enrol(request(invitation, keys, csr_of(keys)))
        return await self.connect(invitation, keys, checked(response, invitation, keys))

    async def connect(self, invitation: Invitation, keys: PartyKeys, response: EnrolResponse) -> Member:
        """A member that uses the certificate given."""
        credentials = tls.Credentials(
            certificate_chain=response.certificate_chain.encode(),
            private_key=keys.tls.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
            ca_certificate=self.ca_certificate,
        )
        channel = await self.stack.enter_async_context(
            tls.channel(self.running.main, COMPARATOR_NAME, credentials)
        )
        party = node(invitation.node_id) if invitation.node_id else department(invitation.department)
        return Member(party, invitation.department, keys, response, credentials, channel)

    async def department(self, code: str, *roles: Role) -> Member:
        """A department of these roles; without any, one that may consume and provide."""
        return await self.member(self.invite_department(code, roles=frozenset(roles) if roles else None))

    async def node(self, node_id: str, code: str) -> Member:
        """A node; its department is invited too if it is not known yet."""
        with self.database.reading() as store:
            known = store.parties.find(department(code)) is not None
        if not known:
            self.invite_department(code)
        return await self.member(self.invite_node(node_id, code))


def installed(directory: Path) -> Config:
    """A new installation on any free ports, over a database of its own; it can be moved and copied."""
    path = directory / "comparator.toml"
    setup.initialise(path, Path(os.path.relpath(directory / "data")), ANY_PORT, ANY_PORT, None, None)
    return load(path)


def use_database(path: Path, database: URL) -> None:
    """Names the database in a configuration as `comparator init` wrote it."""
    entry = f"database = {json.dumps(database.render_as_string(hide_password=False))}"
    sample = path.read_text("utf-8")
    edited, times = re.subn("^# database = .*$", lambda _: entry, sample, flags=re.MULTILINE)
    assert times == 1
    path.write_text(edited, "utf-8")


@asynccontextmanager
async def running_platform(config: Config, clock: Clock, pace: Pace = USUAL_PACE) -> AsyncIterator[Platform]:
    """The service over that installation, and a view of its database."""
    database = Database(config.database_url)
    try:
        async with serving(config, clock, pace) as running, AsyncExitStack() as stack:
            yield Platform(config, clock, running, database, stack)
    finally:
        database.close()


@contextmanager
def refused(reason: str, field: str | None = None) -> Iterator[pytest.ExceptionInfo[StayputError]]:
    """Passes if the call in the block fails with that reason (and names that field)."""
    with pytest.raises(StayputError) as caught, translated("comparator"):
        yield caught
    assert caught.value.reason_name == reason, caught.value.message
    if field is not None:
        assert caught.value.field == field
