"""The list of a node's replicas, `<data>/replicas.json`: who may call it as one.

Commands change it while a node runs, so it is read anew whenever the file is another one, and changed under a
lock on the data directory. What cannot be read admits nobody.
"""

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from provider_node.config.node import MOST_REPLICAS, Code
from provider_node.store.files import replace_durably
from provider_node.store.protection import unusable
from stayput.errors import StayputError, field_invalid

REPLICAS_FILE: Final = "replicas.json"
_THUMBPRINT: Final = "^[A-Za-z0-9_-]{43}$"

_Version: TypeAlias = tuple[int, int, int]
"""When the file was written, its size and its inode."""


class Replica(BaseModel):
    """A replica on the list: its name, its certificate's `x5t#S256`, who added it and when."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Code
    thumbprint: Annotated[str, Field(pattern=_THUMBPRINT)]
    added_at: AwareDatetime
    administrator: str


class _List(BaseModel):
    """What the file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    replicas: Annotated[tuple[Replica, ...], Field(max_length=MOST_REPLICAS)] = ()

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for named in ({one.name for one in self.replicas}, {one.thumbprint for one in self.replicas}):
            if len(named) != len(self.replicas):
                raise ValueError("must name each once")
        return self


@dataclass(frozen=True, slots=True)
class _Read:
    """The list as it was read, and of which file."""

    version: _Version | None
    replicas: tuple[Replica, ...]
    by_thumbprint: Mapping[str, Replica]


class Replicas:
    """A node's replicas. Asking costs a system call while the file stays the same. Thread-safe."""

    def __init__(self, data: Path) -> None:
        """`data` is the node's data directory."""
        self._path = data / REPLICAS_FILE
        self._read: _Read | None = None

    def all(self) -> tuple[Replica, ...]:
        """All of them, by name. `CONFIGURATION_INVALID` if the file is damaged."""
        return self._current().replicas

    def find(self, thumbprint: str) -> Replica | None:
        """The one with that certificate, `None` if it is nobody's. `CONFIGURATION_INVALID` as for `all`."""
        return self._current().by_thumbprint.get(thumbprint)

    def check_free(self, name: str) -> None:
        """Passes if a replica of that name can be added: else `FIELD_INVALID`."""
        _check_free(self.all(), name)

    def add(self, name: str, thumbprint: str, now: datetime, administrator: str) -> Replica:
        """Adds one; from then on it is admitted.

        Raises `FIELD_INVALID` if there is one of that name, or as many as there can be; and
        `CONFIGURATION_INVALID` if the file is damaged.
        """
        added = Replica(name=name, thumbprint=thumbprint, added_at=now, administrator=administrator)

        def with_it(replicas: tuple[Replica, ...]) -> tuple[Replica, ...]:
            _check_free(replicas, name)
            return (*replicas, added)

        self._change(with_it)
        return added

    def remove(self, name: str) -> Replica:
        """Removes one; from then on it is admitted no more. `FIELD_INVALID` if there is none of that name."""
        (removed,) = self._change(lambda replicas: _without(replicas, name))
        return removed

    def _change(self, change: Callable[[tuple[Replica, ...]], tuple[Replica, ...]]) -> list[Replica]:
        """Writes what `change` makes of the list; what is on it no more."""
        with self._locked():
            before = self.all()
            after = tuple(sorted(change(before), key=lambda one: one.name))
            replace_durably(self._path, _List(replicas=after).model_dump_json(indent=2).encode())
        return [one for one in before if one not in after]

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Waits for whoever else is changing the list; that never takes long."""
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _current(self) -> _Read:
        held = self._read
        try:
            if held is None or held.version != _version(self._path.stat()):
                self._read = held = self._from_file()
        except FileNotFoundError:
            self._read = held = _Read(None, (), {})
        except OSError as error:
            raise self._faulty(
                f"cannot be read: {error.strerror}", "let the node read its data directory"
            ) from None
        return held

    def _from_file(self) -> _Read:
        with self._path.open("rb") as file:
            version, content = _version(os.fstat(file.fileno())), file.read()
        try:
            replicas = _List.model_validate_json(content).replicas
        except ValidationError:
            raise self._faulty(
                "is damaged",
                "restore it from a backup; without one remove it, and add the replicas anew",
            ) from None
        return _Read(version, replicas, {one.thumbprint: one for one in replicas})

    def _faulty(self, problem: str, remedy: str) -> StayputError:
        return unusable(f"{self._path}", problem, remedy, field="replicas")


def _version(found: os.stat_result) -> _Version:
    return found.st_mtime_ns, found.st_size, found.st_ino


def _check_free(replicas: tuple[Replica, ...], name: str) -> None:
    if any(one.name == name for one in replicas):
        raise field_invalid(
            "name",
            "a replica of this name is on the list already",
            f"choose another name, or run `provider-node replica remove {name}` first",
        )
    if len(replicas) >= MOST_REPLICAS:
        raise field_invalid(
            "name",
            f"the list is full: a node has at most {MOST_REPLICAS} replicas",
            "remove one that is not used any more",
        )


def _without(replicas: tuple[Replica, ...], name: str) -> tuple[Replica, ...]:
    after = tuple(one for one in replicas if one.name != name)
    if len(after) == len(replicas):
        raise field_invalid(
            "name", "no replica of this name is on the list", "see `provider-node replica list`"
        )
    return after
