"""The conditions of a resource, with the provider's own definitions of the fields that they name."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from provider_node.config.conditions.binding import bind
from provider_node.config.conditions.canonical import canonical
from provider_node.config.conditions.errors import ConditionError
from provider_node.config.conditions.parser import parse
from provider_node.config.conditions.syntax import Condition, fields_named
from provider_node.config.conditions.tokens import LONGEST
from provider_node.config.document import Problem
from provider_node.config.resource import FieldConfig, ResourceConfig
from stayput.errors import field_invalid
from stayput.normalise import Field, FieldError


@dataclass(frozen=True, slots=True)
class Conditions:
    """By name of its check each condition, and by name each field that one of them names. Can be pickled."""

    checks: Mapping[str, Condition] = field(default_factory=dict)
    fields: Mapping[str, Field] = field(default_factory=dict)


def conditions_of(resource: ResourceConfig) -> Conditions:
    """The conditions of a resource's checks; `FIELD_INVALID` naming the first that is none on its fields."""
    for location, problem in condition_problems(resource):
        raise field_invalid(".".join(map(str, location)), problem)
    texts = dict(_texts(resource))
    fields = {name: _declared(name, one) for name, one in resource.fields.items() if texts}
    checks = {name: bind(parse(text), fields) for name, text in texts.items()}
    named = {name for condition in checks.values() for name in fields_named(condition)}
    return Conditions(checks, {name: one for name, one in fields.items() if name in named})


def condition_problems(resource: ResourceConfig) -> Iterator[Problem]:
    """What is wrong with the conditions, or with the fields that they are on."""
    texts = dict(_texts(resource))
    if not texts:
        return
    fields = {}
    for name, one in resource.fields.items():
        try:
            fields[name] = _declared(name, one)
        except FieldError as error:
            yield ("fields", name), str(error).removeprefix(f"field {name}: ")
    # What is said of a field that is not well-defined is no news.
    for name, text in texts.items() if len(fields) == len(resource.fields) else ():
        try:
            written = canonical(bind(parse(text), fields))
        except ConditionError as error:
            yield ("checks", name, "condition"), error.told(text)
        else:
            if len(written) > LONGEST:
                problem = f"is longer than {LONGEST:,} characters in its canonical form"
                yield ("checks", name, "condition"), f"{problem}; divide it into several checks"


def _texts(resource: ResourceConfig) -> Iterator[tuple[str, str]]:
    for name, check in resource.checks.items():
        if check.condition is not None:
            yield name, check.condition


def _declared(name: str, config: FieldConfig) -> Field:
    return Field(name, config.type, tuple(sorted(config.options.items())))
