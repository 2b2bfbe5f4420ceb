"""Reads the vectors, for the tests that hold the package against them."""

import json
from pathlib import Path
from typing import Any, Final, cast

from stayput.v1.comparison_pb2 import SessionOpen
from stayput.v1.contract_pb2 import Check, Contract, Field, FieldOption, Granularity, Key, Mode

VECTORS: Final = Path(__file__).parent
Json = dict[str, Any]


def read(name: str) -> Json:
    """The vectors in `<name>.json`."""
    return cast("Json", json.loads((VECTORS / f"{name}.json").read_text("utf-8")))


def contract_of(vector: Json) -> Contract:
    """The message of a contract in elements.json."""
    return Contract(
        resource=vector["resource"],
        profile=vector["profile"],
        suite=vector["suite"],
        salt=bytes.fromhex(vector["salt"]),
        fields=[
            Field(
                name=field["name"],
                type=field["type"],
                options=[FieldOption(name=n, value=v) for n, v in sorted(field["options"].items())],
            )
            for field in vector["fields"]
        ],
        keys=[Key(**key) for key in vector["keys"]],
        checks=[Check(**check) for check in vector["checks"]],
    )


def opening_of(vector: Json) -> SessionOpen:
    """The message of an opening in sealing.json."""
    return SessionOpen(
        ticket=vector["ticket"],
        contract=Contract(resource=vector["resource"], salt=bytes.fromhex(vector["salt"])),
        key=vector["key"],
        checks=vector["checks"],
        mode=Mode.ValueType(vector["mode"]),
        granularity=Granularity.ValueType(vector["granularity"]),
    )
