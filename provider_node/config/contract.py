"""What a resource offers: its contract, which is hashed and has titles; its modes and granularities."""

from provider_node.config.resource import ResourceConfig
from stayput.contract import SUITE, check_contract
from stayput.normalise import PROFILE
from stayput.v1.contract_pb2 import Check, Contract, Field, FieldOption, Granularity, Key, Mode


def contract_of(resource: ResourceConfig, salt: bytes) -> Contract:
    """The contract of a resource under that salt of 16 bytes; `FIELD_INVALID` if it is not well-formed."""
    return check_contract(
        Contract(
            resource=resource.code,
            profile=PROFILE,
            suite=SUITE,
            salt=salt,
            fields=[
                Field(
                    name=name,
                    type=field.type,
                    options=[FieldOption(name=o, value=v) for o, v in sorted(field.options.items())],
                    title=field.title or field.column,
                    title_en=field.title_en,
                )
                for name, field in resource.fields.items()
            ],
            keys=[Key(name=name, fields=key.fields) for name, key in resource.keys.items()],
            checks=[Check(name=name, fields=check.fields) for name, check in resource.checks.items()],
        )
    )


def modes_of(resource: ResourceConfig) -> list["Mode.ValueType"]:
    """The modes that a resource is to offer, in the order of their numbers."""
    return sorted(Mode.Value(f"MODE_{one.upper()}") for one in resource.modes)


def granularities_of(resource: ResourceConfig) -> list["Granularity.ValueType"]:
    """The granularities that a resource is to offer, in the order of their numbers."""
    return sorted(Granularity.Value(f"GRANULARITY_{one.upper()}") for one in resource.granularities)
