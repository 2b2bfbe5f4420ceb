"""Configuration: `comparator.toml`, read strictly, with errors that name file, line and key."""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from comparator import texts
from comparator.addresses import Address
from comparator.texts import OperatorError, unusable
from stayput.retention import LEAST_RETENTION_DAYS

_KEY = re.compile(r"""\s*(?:"(?P<quoted>[^"]*)"|(?P<bare>[A-Za-z0-9_-]+))\s*=""")
_TABLE = re.compile(r"""\s*\[\s*(?P<name>[A-Za-z0-9_."-]+)\s*\]""")
_EXAMPLE_DATABASE: Final = (
    "postgresql+psycopg://comparator@db.internal/comparator"
    "?passfile=/etc/stayput/pgpass&sslrootcert=/etc/stayput/db-ca.pem"
)
_MODEL = ConfigDict(extra="forbid", frozen=True, strict=True)


def _listen_address(text: str) -> str:
    Address.parse(text)
    return text


def _dialled_address(text: str) -> str:
    address = Address.parse(text)
    if address.is_wildcard or address.port == 0:
        raise ValueError("must be an address that others can dial: a host of its own and a port above 0")
    return text


def _database_url(text: str) -> str:
    try:
        kind = make_url(text).drivername
    except (ArgumentError, ValueError):  # the latter's message may hold a piece of the password
        kind = ""
    if kind not in {"sqlite", "postgresql+psycopg"}:
        raise ValueError("must be an SQLAlchemy URL that begins with sqlite:/// or postgresql+psycopg://")
    return text


def _two_years(days: int) -> int:
    if days < LEAST_RETENTION_DAYS:
        raise ValueError(f"must be at least {LEAST_RETENTION_DAYS}: the log is kept at least 2 years")
    return days


_Listen = Annotated[str, AfterValidator(_listen_address)]
_Dialled = Annotated[str, AfterValidator(_dialled_address)]


class Validity(BaseModel):
    """How long what the comparator issues lives."""

    model_config = _MODEL

    certificate_days: int = Field(default=397, ge=1, le=397)
    invitation_hours: int = Field(default=72, ge=1, le=720)
    ticket_seconds: int = Field(default=300, ge=30, le=600)


class LogKeeping(BaseModel):
    """How long the content of log entries is kept."""

    model_config = _MODEL

    # 36,525 days are a century.
    retention_days: Annotated[int, AfterValidator(_two_years), Field(le=36_525)] = 1_096


class Config(BaseModel):
    """The file as read. `sample.toml` explains the keys."""

    model_config = _MODEL

    data: Path = Field(strict=False)
    listen: _Listen
    enrolment_listen: _Listen
    advertise: _Dialled | None = None
    enrolment_advertise: _Dialled | None = None
    # May hold a password.
    database: Annotated[str, AfterValidator(_database_url)] | None = Field(default=None, repr=False)
    require_security_agreement: bool = True
    validity: Validity = Validity()
    log: LogKeeping = LogKeeping()

    @property
    def database_url(self) -> URL:
        """Where the store is."""
        if self.database is None:
            return URL.create("sqlite", database=str(self.data / "comparator.db"))
        return make_url(self.database)


_TABLES: Mapping[str, type[BaseModel]] = {"validity": Validity, "log": LogKeeping}


def load(path: Path) -> Config:
    """The configuration in that file; `CONFIGURATION_INVALID` if it cannot be used."""
    return parse(_read(path), path)


def parse(text: str, path: Path) -> Config:
    """What `text` says, paths being relative to `path`'s directory; else `CONFIGURATION_INVALID`."""
    try:
        config = Config.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise unusable(texts.CONFIG_SYNTAX, texts.CONFIG_SYNTAX_FIX, file=path, why=error) from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        keys = [str(part) for part in first["loc"]]
        raise _invalid(path, text, keys, first["type"], first["msg"]) from None
    config = config.model_copy(update={"data": path.absolute().parent / config.data})
    return _reachable(config, path)


def listening(config: Config, path: Path, listen: str | None, enrolment_listen: str | None) -> Config:
    """The same with other listen addresses, where one is given; `CONFIGURATION_INVALID`."""
    given = {
        key: address
        for key, address in (("listen", listen), ("enrolment_listen", enrolment_listen))
        if address is not None
    }
    for key, address in given.items():
        try:
            Address.parse(address)
        except ValueError as error:
            option = "--" + key.replace("_", "-")
            raise unusable(texts.OPTION_WRONG, texts.OPTION_WRONG_FIX, option=option, problem=error) from None
    return _reachable(config.model_copy(update=given), path)


def _reachable(config: Config, path: Path) -> Config:
    for listen, advertise, key in (
        (config.listen, config.advertise, "advertise"),
        (config.enrolment_listen, config.enrolment_advertise, "enrolment_advertise"),
    ):
        if advertise is None and Address.parse(listen).is_wildcard:
            raise unusable(texts.CONFIG_ADVERTISE, texts.CONFIG_ADVERTISE_FIX, file=path, key=key)
    return config


def render(
    data: Path,
    listen: str,
    enrolment_listen: str,
    advertise: str | None,
    enrolment_advertise: str | None,
    database: str | None = None,
) -> str:
    """The text of a new configuration file."""
    example = "comparator.example:7443", "comparator.example:7444"
    return Template((files("comparator") / "sample.toml").read_text("utf-8")).substitute(
        data=_quoted(str(data)),
        listen=_quoted(listen),
        enrolment_listen=_quoted(enrolment_listen),
        advertise_mark="" if advertise else "# ",
        advertise=_quoted(advertise or example[0]),
        enrolment_advertise_mark="" if enrolment_advertise else "# ",
        enrolment_advertise=_quoted(enrolment_advertise or example[1]),
        database_mark="# " if database is None else "",
        database=_quoted(_EXAMPLE_DATABASE if database is None else database),
    )


def _quoted(text: str) -> str:
    # JSON's escapes are a subset of those of a TOML basic string; it leaves DEL as it is, which TOML forbids.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise unusable(texts.CONFIG_MISSING, texts.CONFIG_MISSING_FIX, file=path) from None
    except UnicodeDecodeError:
        raise unusable(texts.CONFIG_SYNTAX, texts.CONFIG_SYNTAX_FIX, file=path, why="not UTF-8") from None
    except OSError as error:
        raise unusable(
            texts.CONFIG_UNREADABLE, texts.CONFIG_UNREADABLE_FIX, file=path, why=error.strerror
        ) from None


def _invalid(path: Path, text: str, keys: list[str], kind: str, problem: str) -> OperatorError:
    key = ".".join(keys)
    if kind == "missing":
        return unusable(texts.CONFIG_ABSENT, texts.CONFIG_WRONG_FIX, file=path, key=key)
    line = line_of(text, keys)
    if kind == "extra_forbidden":
        known = list((_TABLES[keys[0]] if len(keys) > 1 else Config).model_fields)
        nearest = difflib.get_close_matches(keys[-1], known, n=1)
        if nearest:
            return unusable(
                texts.CONFIG_UNKNOWN_KEY,
                texts.CONFIG_NEAREST,
                file=path,
                line=line,
                key=key,
                nearest=nearest[0],
            )
        return unusable(
            texts.CONFIG_UNKNOWN_KEY,
            texts.CONFIG_KNOWN,
            file=path,
            line=line,
            key=key,
            known=", ".join(known),
        )
    return unusable(
        texts.CONFIG_WRONG,
        texts.CONFIG_WRONG_FIX,
        file=path,
        line=line,
        key=key,
        problem=problem.removeprefix("Value error, "),
    )


def line_of(text: str, keys: list[str]) -> int:
    """Number of the line where a key (after the tables that it is in) is set; the last if none sets it."""
    table: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if header := _TABLE.match(line):
            table = header["name"].replace('"', "").split(".")
            if table == keys:
                return number
        elif (entry := _KEY.match(line)) and [*table, entry["quoted"] or entry["bare"]] == keys:
            return number
    return len(lines)
