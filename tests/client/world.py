"""What the client's tests stand on: the resource, its register, and everything that a test may change."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc.aio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.protobuf.timestamp_pb2 import Timestamp

from stayput import identity, signing
from stayput.contract import SUITE
from stayput.grants import active_standing
from stayput.limits import DEFAULTS, complete
from stayput.normalise import PROFILE
from stayput.rpc import tls
from stayput.v1 import catalogue_pb2
from stayput.v1.access_pb2 import Grant, GrantStanding, Limits, RecordedGrant
from stayput.v1.contract_pb2 import (
    GRANULARITY_COUNT,
    GRANULARITY_RECORD,
    MODE_KEYED,
    Check,
    Contract,
    Field,
    Key,
)
from stayput_client.home import Home, Platform
from tests.client.authority import Authority
from tests.client.servicers.comparator import AccessPeer, CataloguePeer
from tests.client.servicers.node import NodePeer
from tests.client.servicers.register import AS_OF, GENERATION, NODE, PROVIDER

DEPARTMENT = "civil-affairs"
RESOURCE = "vehicle-owners"
PURPOSE = "低收入家庭核对"
MATTER = "最低生活保障对象认定"
LIMITS = complete(
    Limits(records_per_session=100_000, records_per_day=1_000_000, attempts_per_subject=0), DEFAULTS
)

CONTRACT = Contract(
    resource=RESOURCE,
    profile=PROFILE,
    suite=SUITE,
    salt=bytes(range(16)),
    fields=[
        Field(name="resident_id", type="resident_id", title="身份证号", title_en="Resident ID"),
        Field(name="name", type="person_name", title="姓名", title_en="Name"),
        Field(name="plate", type="code", title="车牌号", title_en="Plate"),
        Field(name="birth_date", type="date", title="出生日期", title_en="Birth date"),
    ],
    keys=[
        Key(name="resident_id", fields=["resident_id"]),
        Key(name="name_birth", fields=["name", "birth_date"]),
    ],
    checks=[Check(name="name", fields=["name"]), Check(name="plate", fields=["plate"])],
)


def resident_id(serial: int) -> str:
    """A well-formed number with a right check character (GB 11643), of an area that does not exist."""
    body = f"990001{19500101 + serial % 28}{serial // 28 % 1000:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


@dataclass
class World:
    """Everything a test may look at or change."""

    home: Path
    node: NodePeer
    catalogue: CataloguePeer
    access: AccessPeer
    authority: Authority
    comparator_address: str

    def grant(self, grant_id: str, **changes: object) -> Grant:
        """A grant of the resource that the node signed and the comparator recorded."""
        now = datetime.now(UTC)
        begin, end = Timestamp(), Timestamp()
        begin.FromDatetime(now - timedelta(days=1))
        end.FromDatetime(now + timedelta(days=1))
        values: dict[str, object] = {
            "id": grant_id,
            "application_id": "A-1",
            "provider": PROVIDER,
            "node_id": NODE.id,
            "consumer": DEPARTMENT,
            "resource": RESOURCE,
            "key": "resident_id",
            "checks": ["name", "plate"],
            "modes": [MODE_KEYED],
            "granularities": [GRANULARITY_RECORD],
            "purpose": PURPOSE,
            "valid_from": begin,
            "valid_until": end,
            "limits": LIMITS,
            "version": 1,
            "matter": MATTER,
            **changes,
        }
        grant = Grant(**values)  # type: ignore[arg-type]
        self.node.grants[grant.id] = grant
        envelope = signing.sign(signing.PayloadType.GRANT, grant, self.node.signing_key)
        recorded = RecordedGrant(grant=envelope, standing=active_standing(grant.id))
        self.access.grants.insert(0, recorded)
        return grant

    def standing(self, grant_id: str) -> GrantStanding:
        """What the comparator says of a grant, to be changed."""
        return next(one.standing for one in self.access.grants if one.standing.grant_id == grant_id)


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Awaitable[Finished]]


async def started(server: grpc.aio.Server, credentials: tls.Credentials) -> int:
    port = tls.listen(server, "127.0.0.1:0", credentials)
    await server.start()
    return port


def entry(address: str, signing_key: bytes) -> catalogue_pb2.Resource:
    return catalogue_pb2.Resource(
        code=RESOURCE,
        title="机动车所有人",
        title_en="Vehicle owners",
        provider=PROVIDER,
        node_id=NODE.id,
        address=address,
        signing_key=signing_key,
        category=catalogue_pb2.CATEGORY_DEPARTMENT,
        sharing=catalogue_pb2.SHARING_CONDITIONAL,
        update_frequency=catalogue_pb2.UPDATE_FREQUENCY_DAILY,
        keys=CONTRACT.keys,
        checks=CONTRACT.checks,
        fields=CONTRACT.fields,
        modes=[MODE_KEYED],
        granularities=[GRANULARITY_RECORD, GRANULARITY_COUNT],
        generation=GENERATION,
        as_of=AS_OF,
    )


def enrolled(
    home: Path, authority: Authority, comparator_address: str, signing_key: Ed25519PrivateKey
) -> None:
    """A home directory as an enrolment leaves it, with `operator` set."""
    credentials = authority.credentials(identity.department(DEPARTMENT))
    at = Home(home)
    files = at.identity_for("the invitation's token")
    pem = signing_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.begin(credentials.private_key, pem, b"request")
    platform = Platform(DEPARTMENT, comparator_address, "")
    files.finish(credentials.certificate_chain.decode(), authority.pem.decode(), platform)
    at.adopt(files)
    (home / "config.toml").write_text('operator = "经办人甲"\n', "utf-8")


def cells(out: str) -> list[list[str]]:
    """The rows of the tables in an output, without their frames."""
    return [
        [cell.strip() for cell in re.split("[│┃]", line)[1:-1]]
        for line in out.splitlines()
        if line[:1] in "│┃"
    ]


def facts(out: str) -> list[list[str]]:
    """The names and values in an output, which stand apart by two spaces or more."""
    return [re.split(" {2,}", line, maxsplit=1) for line in out.splitlines() if line[:1] != " "]
