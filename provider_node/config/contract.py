"""What a resource offers: its contract, which is hashed and has titles; its modes and granularities."""

from provider_node.config.conditions import canonical, conditions_of
from provider_node.config.resource import ResourceConfig
from stayput.contract import SUITE, check_contract
from stayput.normalise import PROFILE
from stayput.v1.contract_pb2 import Check, Contract, Field, FieldOption, Granularity, Key, Mode


def contract_of(resource: ResourceConfig, salt: bytes) -> Contract:
    """The contract of a resource under that salt of 16 bytes; `FIELD_INVALID` if it is not well-formed.

    It has the conditions in canonical form, and not the fields that only they name.
    """
    conditions = conditions_of(resource)
    hashed = {name for key in resource.keys.values() for name in key.fields}
    hashed.update(name for check in resource.checks.values() for name in check.fields or ())
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
                if name in hashed or name not in conditions.fields
            ],
            keys=[Key(name=name, fields=key.fields) for name, key in resource.keys.items()],
            checks=[
                Check(
                    name=name,
                    fields=check.fields or (),
                    condition=canonical(conditions.checks[name]) if name in conditions.checks else "",
                    title=check.title,
                    title_en=check.title_en,
                )
                for name, check in resource.checks.items()
            ],
        )
    )


def modes_of(resource: ResourceConfig) -> list["Mode.ValueType"]:
    """The modes that a resource is to offer, in the order of their numbers."""
    return sorted(Mode.Value(f"MODE_{one.upper()}") for one in resource.modes)


def granularities_of(resource: ResourceConfig) -> list["Granularity.ValueType"]:
    """The granularities that a resource is to offer, in the order of their numbers."""
    return sorted(Granularity.Value(f"GRANULARITY_{one.upper()}") for one in resource.granularities)
