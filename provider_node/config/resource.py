"""Resource files: what a register is, where its data come from, which fields, keys and checks it offers."""

import re
from enum import StrEnum
from typing import Annotated, Self, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from provider_node.config.document import Table
from provider_node.config.limits import LimitsConfig
from provider_node.config.node import Code
from provider_node.config.source import SourceConfig
from stayput.normalise import FieldType

_INTERVAL = re.compile(r"([0-9]{1,4})[mh]")
_MOST_UNITS = 1_440
_TIME_OF_DAY = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")


class Category(StrEnum):
    """Kind of information resource; the names are those of `Category` in catalogue.proto."""

    BASE = "base"
    THEME = "theme"
    DEPARTMENT = "department"


class Sharing(StrEnum):
    """Sharing type; the names are those of `Sharing` in catalogue.proto."""

    UNCONDITIONAL = "unconditional"
    CONDITIONAL = "conditional"
    NOT_SHARED = "not-shared"


class UpdateFrequency(StrEnum):
    """How often the provider promises to rebuild; the names are those of the enum in catalogue.proto."""

    REALTIME = "realtime"
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"
    YEARLY = "yearly"
    IRREGULAR = "irregular"


class Mode(StrEnum):
    """Ways of comparing; the names are those of `Mode` in contract.proto."""

    KEYED = "keyed"
    OBLIVIOUS = "oblivious"


class Granularity(StrEnum):
    """What consumers may be told; the names are those of `Granularity` in contract.proto."""

    RECORD = "record"
    COUNT = "count"


def _whole_number_as_text(value: object) -> object:
    return str(value) if type(value) is int else value


def _interval(value: str) -> str:
    found = _INTERVAL.fullmatch(value)
    if not found or not 1 <= int(found[1]) <= _MOST_UNITS:
        raise ValueError("must be a number of minutes or hours, like '30m' or '6h', at most 1,440 of either")
    return value


def _time_of_day(value: str) -> str:
    if not _TIME_OF_DAY.fullmatch(value):
        raise ValueError("must be a time of day, like '02:30'")
    return value


_Offered = TypeVar("_Offered", Mode, Granularity)
OptionValue = Annotated[str, BeforeValidator(_whole_number_as_text)]
Title = Annotated[str, Field(max_length=200)]
Prose = Annotated[str, Field(max_length=2_000)]


class FieldConfig(Table):
    """`[fields.NAME]`: which column of the source, and as what it is normalised."""

    column: Annotated[str, Field(min_length=1)]
    type: FieldType = Field(strict=False)
    options: dict[str, OptionValue] = Field(default_factory=dict)
    title: Title = ""
    title_en: Title = ""


class KeyConfig(Table):
    """`[keys.NAME]`: the fields hashed together, in this order."""

    fields: Annotated[list[str], Field(min_length=1)]


class CheckConfig(Table):
    """`[checks.NAME]`: the fields hashed together, in this order, or a condition on the provider's own.

    Fields that only conditions name stay with the provider: the contract has them not.
    """

    fields: Annotated[list[str], Field(min_length=1)] | None = None
    condition: Annotated[str, Field(min_length=1, max_length=2_000)] | None = None
    title: Title = ""
    title_en: Title = ""

    @model_validator(mode="after")
    def _with_one_of_both(self) -> Self:
        if (self.fields is None) is (self.condition is None):
            raise ValueError("must have either `fields` or `condition`")
        return self


class GenerationsConfig(Table):
    """`[generations]`: how many are kept, the serving one among them, and when a new one is not switched to.

    `most_shrink_percent`: by how much fewer subjects it may have than the one that serves;
    `most_reject_growth_percent`: by how many percentage points more of its rows may be left out.
    """

    keep: int = Field(default=2, ge=1, le=100)
    most_shrink_percent: int = Field(default=20, ge=0, le=100)
    most_reject_growth_percent: int = Field(default=5, ge=0, le=100)


class ScheduleConfig(Table):
    """`[schedule]`: when a running node builds on its own.

    `every`: hours or minutes after the build before began (`6h`, `30m`); `at`: times of day in China.
    """

    every: Annotated[str, AfterValidator(_interval)] | None = None
    at: list[Annotated[str, AfterValidator(_time_of_day)]] = Field(default_factory=list, max_length=48)

    @model_validator(mode="after")
    def _with_one_of_both(self) -> Self:
        if (self.every is None) is (not self.at):
            raise ValueError("must have either `every` or `at`")
        return self


class StandingPolicy(Table):
    """`[standing_policy]`: what an application for an unconditional resource is granted at once."""

    valid_days: int = Field(default=365, ge=1, le=1_096)
    case_number_required: bool = False


class ObliviousConfig(Table):
    """`[oblivious]`. With `new_key_per_generation` every build draws new OPRF keys.

    What a consumer has had evaluated can then not be tested against other generations, and nothing that was
    evaluated for one generation is of use to the build of the next.
    """

    new_key_per_generation: bool = False


class ResourceConfig(Table):
    """One resource file. Orders of fields, keys and checks are those of the file.

    `standing_policy` is set exactly if the resource is shared unconditionally, `oblivious` exactly if it
    offers that mode.
    """

    code: Code
    title: Annotated[str, Field(min_length=1, max_length=200)]
    title_en: Title = ""
    category: Category = Field(strict=False)
    sharing: Sharing = Field(strict=False)
    conditions: Prose = ""
    legal_basis: Prose = ""
    update_frequency: UpdateFrequency = Field(strict=False)
    source: SourceConfig
    fields: dict[str, FieldConfig] = Field(min_length=1)
    keys: dict[str, KeyConfig] = Field(min_length=1)
    checks: dict[str, CheckConfig] = Field(default_factory=dict)
    modes: list[Annotated[Mode, Field(strict=False)]] = Field(default_factory=lambda: [Mode.KEYED])
    granularities: list[Annotated[Granularity, Field(strict=False)]] = Field(
        default_factory=lambda: [Granularity.RECORD]
    )
    limits: LimitsConfig = LimitsConfig()
    standing_policy: StandingPolicy | None = None
    oblivious: ObliviousConfig | None = None
    generations: GenerationsConfig = GenerationsConfig()
    schedule: ScheduleConfig | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_tables_that_belong(cls, tables: dict[str, object]) -> dict[str, object]:
        modes = tables.get("modes")
        if tables.get("sharing") == Sharing.UNCONDITIONAL:
            tables = {"standing_policy": {}, **tables}
        if isinstance(modes, list) and Mode.OBLIVIOUS in modes:
            tables = {"oblivious": {}, **tables}
        return tables

    @field_validator("modes")
    @classmethod
    def _with_keyed(cls, modes: list[Mode]) -> list[Mode]:
        return _each_once(modes, Mode.KEYED)

    @field_validator("granularities")
    @classmethod
    def _with_record(cls, granularities: list[Granularity]) -> list[Granularity]:
        return _each_once(granularities, Granularity.RECORD)

    @field_validator("standing_policy")
    @classmethod
    def _only_if_unconditional(cls, policy: StandingPolicy, info: ValidationInfo) -> StandingPolicy:
        # Without a valid `sharing` it is that which is told.
        if info.data.get("sharing", Sharing.UNCONDITIONAL) is not Sharing.UNCONDITIONAL:
            raise ValueError('only a resource with sharing = "unconditional" has a standing policy')
        return policy

    @field_validator("oblivious")
    @classmethod
    def _only_if_oblivious(cls, table: ObliviousConfig, info: ValidationInfo) -> ObliviousConfig:
        if Mode.OBLIVIOUS not in info.data.get("modes", [Mode.OBLIVIOUS]):
            raise ValueError('only a resource with modes = ["keyed", "oblivious"] has this table')
        return table


def _each_once(offered: list[_Offered], required: _Offered) -> list[_Offered]:
    if required not in offered:
        raise ValueError(f'must have "{required}": this release offers no resource without it')
    if len(set(offered)) != len(offered):
        raise ValueError("must name each once")
    return offered
