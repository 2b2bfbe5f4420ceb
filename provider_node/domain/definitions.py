"""Definitions of resources: checked, told apart from what they change, stored as versions."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from pathlib import Path
from typing import Final, TypeAlias

import structlog

from provider_node.config import ResourceConfig, contract_of, granularities_of, load_resource
from provider_node.domain import catalogue, fields
from provider_node.domain.sample import Sample, sample
from provider_node.store.definitions import DefinitionStore, Version, sha256
from stayput.china_time import china_date
from stayput.contract import SALT_BYTES
from stayput.errors import StayputError, field_invalid
from stayput.v1.admin_pb2 import (
    DefinitionVersion,
    GetDefinitionResponse,
    PutDefinitionRequest,
    PutDefinitionResponse,
    RejectCount,
)
from stayput.v1.catalogue_pb2 import Resource
from stayput.v1.errors_pb2 import ErrorReason

BUILD: Final = "build"
PUBLISH: Final = "publish"
MOST_BYTES: Final = 1_000_000
# What is put has no file yet: messages name it by this.
_FILE: Final = Path("definition.toml")

_log = structlog.get_logger(__name__)
_Alone: TypeAlias = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Put:
    """What the definition of the resource of that code would change or has changed.

    `made` are the versions that were made: of the file if it had been edited by hand, and of the definition.
    """

    code: str
    response: PutDefinitionResponse
    made: Sequence[Version]


class Definitions:
    """The definitions of a node's resources, in its files, whether or not it runs.

    A file that was edited by hand becomes a version when what it says is to hold (`note`, `reread`), before
    another one takes its place, or when there is none yet.
    """

    def __init__(
        self, data: Path, resources: Path, clock: Callable[[], datetime], alone: _Alone = nullcontext
    ) -> None:
        """`alone` is held while a definition is stored, and raises if that must not be now."""
        self._store = DefinitionStore(data, resources)
        self._resources = resources
        self._clock = clock
        self._alone = alone

    def get(self, code: str, version: int) -> GetDefinitionResponse:
        """A version of a definition, by default (0) the newest.

        Raises `RESOURCE_UNKNOWN`, or `FIELD_INVALID` if there is no such version.
        """
        with self._store.locked():
            versions = self._versions(code)
            number = version or versions[-1].version
            found = next((one for one in versions if one.version == number), None)
            if found is None:
                raise field_invalid(
                    "version", "there is no such version", f"the newest is {versions[-1].version}"
                )
            toml = self._store.content(code, number).decode()
        return GetDefinitionResponse(toml=toml, version=_told(found))

    def versions(self, code: str) -> list[DefinitionVersion]:
        """The versions of a definition, newest first. Raises `RESOURCE_UNKNOWN`."""
        with self._store.locked():
            return [_told(one) for one in reversed(self._versions(code))]

    def reread(self, code: str) -> ResourceConfig | None:
        """What the resource's file says now, `None` without one; `CONFIGURATION_INVALID` if it is wrong."""
        with self._store.locked():
            resource, noted = self._noted(code)
        if noted is not None:
            _log.info("definition read from its file", resource=code, version=noted.version)
        return resource

    def note(self, codes: Iterable[str]) -> None:
        """Makes versions of files that were edited by hand. That it cannot is logged: what they say holds."""
        for code in codes:
            try:
                self.reread(code)
            except StayputError as error:
                _log.warning("definition not kept", resource=code, reason=error.reason_name)

    def put(self, request: PutDefinitionRequest) -> Put:
        """Checks a definition, also against the first rows of its source, and stores it if that is asked for.

        Raises `CONFIGURATION_INVALID`, `SOURCE_INVALID`, or `FIELD_INVALID`, also if the version to change is
        not the newest; then nothing is stored.
        """
        content = request.toml.encode()
        if len(content) > MOST_BYTES:
            raise field_invalid("toml", f"must have at most {MOST_BYTES:,} bytes", "say less in it")
        if request.store:
            fields.text("administrator", request.administrator, most=fields.LONGEST_NAME)
        resource = load_resource(_FILE, content, self._resources)
        sampled = sample(resource, china_date(self._clock()))
        with self._store.locked():
            held = self._store.held(resource.code)
            # A file that was edited in place and is now put is the work of who puts it.
            noted = None
            if request.store and held is not None and held[1] != content:
                noted = self._noted(resource.code)[1]
            versions = self._store.versions(resource.code)
            name, before = (held[0].name, held[1]) if held else ("nothing", b"")
            if versions:
                newest = versions[-1].version
                name, before = f"version {newest}", self._store.content(resource.code, newest)
            response = self._change(resource, name, before, content, sampled)
            stored = None
            if request.store:
                _check_base(versions, request.base_version)
                stored = self._stored(resource.code, versions, content, request.administrator)
        if stored is not None:
            response.stored.CopyFrom(_told(stored))
        return Put(resource.code, response, [one for one in (noted, stored) if one])

    def _stored(
        self, code: str, versions: Sequence[Version], content: bytes, administrator: str
    ) -> Version | None:
        """The new version; `None` if it is the newest one already, and holds."""
        same = bool(versions) and versions[-1].sha256 == sha256(content)
        if same and self._store.held(code) is not None:
            return None
        with self._alone():
            return self._store.store(code, content, administrator, self._clock())

    def _change(
        self,
        resource: ResourceConfig,
        name: str,
        before: bytes,
        after: bytes,
        sampled: Sample,
    ) -> PutDefinitionResponse:
        """What it changes of `before`, which is called by that name."""
        return PutDefinitionResponse(
            diff=diff(before.decode(), after.decode(), name, "new version"),
            needs=needs(self._earlier(before), resource),
            sampled_rows=sampled.rows,
            rejects=[
                RejectCount(field=field, reason=reason, count=count)
                for (field, reason), count in sorted(sampled.rejects.items())
            ],
        )

    def _earlier(self, content: bytes) -> ResourceConfig | None:
        """What was defined, `None` if this release would not take it any more."""
        try:
            return load_resource(_FILE, content, self._resources)
        except StayputError:
            return None

    def _versions(self, code: str) -> list[Version]:
        """All versions, at least one."""
        versions = self._store.versions(code)
        if not versions:
            _, noted = self._noted(code)
            versions = [noted] if noted else []
        if not versions:
            raise StayputError(
                ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN,
                "no resource of this code is configured",
                field="resource",
                remedy="see `provider-node status`",
            )
        return versions

    def _noted(self, code: str) -> tuple[ResourceConfig | None, Version | None]:
        """What the file says now, and the version made of it if it was edited by hand."""
        versions = self._store.versions(code)
        held = self._store.held(code)
        if held is None:
            return None, None
        file, content = held
        resource = load_resource(file, content)
        if versions and versions[-1].sha256 == sha256(content):
            return resource, None
        return resource, self._store.record(code, file, content, self._clock())


def needs(before: ResourceConfig | None, after: ResourceConfig) -> list[str]:
    """What a change needs before it holds: a build, telling the catalogue, both, or nothing.

    A build tells the catalogue by itself what it has changed.
    """
    if before is None:
        return [BUILD, PUBLISH]
    found = [BUILD] if _built_from(before) != _built_from(after) else []
    return [*found, PUBLISH] if _listed(before) != _listed(after) else found


def diff(before: str, after: str, before_name: str, after_name: str) -> list[str]:
    """Lines of a unified diff, none if nothing is different."""
    return list(unified_diff(before.splitlines(), after.splitlines(), before_name, after_name, lineterm=""))


def _built_from(resource: ResourceConfig) -> tuple[object, ...]:
    """What a generation depends on."""
    granularities = granularities_of(resource) if resource.oblivious else None
    contract = contract_of(resource, bytes(SALT_BYTES))
    return contract, resource.source, resource.fields, resource.oblivious, granularities


def _listed(resource: ResourceConfig) -> Resource:
    """The part of the catalogue entry that follows the definition at once."""
    entry = catalogue.entry(resource, None, catalogue.offered(resource, None), "")
    for built in ("keys", "checks", "fields"):
        entry.ClearField(built)
    return entry


def _check_base(versions: Sequence[Version], base: int) -> None:
    newest = versions[-1].version if versions else 0
    if newest != base:
        raise field_invalid(
            "base_version",
            f"the newest version is {newest}, not {base}: it was changed in the meantime",
            "look at the newest version and apply the change to it",
        )


def _told(version: Version) -> DefinitionVersion:
    told = DefinitionVersion(
        version=version.version,
        administrator=version.administrator,
        sha256=bytes.fromhex(version.sha256),
    )
    told.stored_at.FromDatetime(version.stored_at)
    return told
