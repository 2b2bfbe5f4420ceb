"""`invite department`, `invite node` and `roles`."""

import os
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer
from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.json_format import MessageToJson

from comparator import texts
from comparator.addresses import Address
from comparator.cli.failures import told
from comparator.cli.listings import roles_named
from comparator.cli.opening import opened
from comparator.config import Config, load
from comparator.data import DataDirectory, read_certificate
from comparator.domain import enrolment
from comparator.store.database import Store
from comparator.store.models import Role
from comparator.texts import unusable
from stayput.language import language_of
from stayput.v1.enrolment_pb2 import Invitation

# Stores the invitation with this token, time and life; gives the token as text.
_Invite = Callable[[Store, bytes, datetime, timedelta], str]


@told()
def department(path: Path, code: str, title: str, names: Sequence[str] | None, output: Path | None) -> None:
    """Invites a department; the file is `invitation-department-CODE.json` unless `output` names another."""
    wanted = frozenset(map(Role, names)) if names else None
    _invite(
        load(path),
        lambda store, token, now, life: enrolment.invite_department(
            store, code, title, token, now, life, wanted
        ),
        Invitation(department=code),
        output or Path(f"invitation-department-{code}.json"),
    )


@told()
def node(path: Path, node_id: str, department_code: str, output: Path | None) -> None:
    """Invites a node; the file is `invitation-node-ID.json` unless `output` names another."""
    _invite(
        load(path),
        lambda store, token, now, life: enrolment.invite_node(
            store, node_id, department_code, token, now, life
        ),
        Invitation(department=department_code, node_id=node_id),
        output or Path(f"invitation-node-{node_id}.json"),
    )


@told()
def roles(path: Path, code: str, names: Sequence[str]) -> None:
    """Gives a department roles."""
    wanted = frozenset(map(Role, names))
    with opened(load(path)) as database, database.writing() as store:
        enrolment.change_roles(store, code, wanted, datetime.now(UTC))
    language = language_of()
    typer.echo(texts.ROLES_SET.of(language).format(code=code, roles=roles_named(wanted).of(language)))


def _invite(config: Config, invite: _Invite, invitation: Invitation, output: Path) -> None:
    data = DataDirectory(config.data)
    invitation.enrolment_address = _enrolment_address(config, data)
    certificate = read_certificate(data.ca_certificate)
    invitation.ca_certificate = certificate.public_bytes(Encoding.PEM).decode()
    now, life = datetime.now(UTC), timedelta(hours=config.validity.invitation_hours)
    token = secrets.token_bytes(enrolment.TOKEN_BYTES)
    with opened(config) as database, database.writing() as store:
        invitation.token = invite(store, token, now, life)
        # Within the transaction: an invitation that could not be written does not exist.
        _write(output, MessageToJson(invitation, preserving_proto_field_name=True))
    until = (now + life).astimezone().strftime("%Y-%m-%d %H:%M")
    typer.echo(texts.INVITED.of(language_of()).format(path=output, until=until))


def _enrolment_address(config: Config, data: DataDirectory) -> str:
    """Where the service really answers if it runs; else where it will, if the configuration tells."""
    running = data.running()
    if running is not None:
        return running.enrolment
    if config.enrolment_advertise is not None:
        return config.enrolment_advertise
    if Address.parse(config.enrolment_listen).port == 0:
        raise unusable(texts.NOT_RUNNING, texts.NOT_RUNNING_FIX)
    return config.enrolment_listen


def _write(path: Path, content: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise unusable(texts.EXISTS, texts.EXISTS_FIX, path=path) from None
    except OSError as error:
        raise unusable(texts.CANNOT_WRITE, texts.CANNOT_WRITE_FIX, path=path, why=error.strerror) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
