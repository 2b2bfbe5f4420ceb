"""The tables of a profile, for the terminal and for the page: columns by their texts, and cells."""

from typing import Final

from provider_node.domain.profile import CheckProfile, FieldProfile, KeyProfile, Shape

FIELD_COLUMNS: Final = (
    "field", "type", "present", "missing", "rejected", "distinct", "length", "top_share", "shapes"
)  # fmt: skip
KEY_COLUMNS: Final = ("key", "usable", "unusable", "subjects", "repeating", "most_rows")
CHECK_COLUMNS: Final = (
    "check", "present", "distinct", "entropy", "per_subject", "attempts", "guessed", "limit"
)  # fmt: skip
NONE: Final = "–"
_LEAST_SHOWN: Final = 0.0001


def field_cells(field: FieldProfile) -> tuple[str, ...]:
    """A row of the table of fields; reasons and shapes are on lines of their own."""
    return (
        field.name,
        field.type,
        f"{field.present:,}",
        f"{field.missing:,}",
        "\n".join(f"{reason}: {rows:,}" for reason, rows in field.rejected.items()) or "0",
        f"{'' if field.distinct_exact else '≈ '}{field.distinct:,}",
        str(field.longest) if field.shortest == field.longest else f"{field.shortest}–{field.longest}",
        percent(field.top_share),
        "\n".join(map(_shape, field.shapes)),
    )


def key_cells(key: KeyProfile) -> tuple[str, ...]:
    """A row of the table of keys."""
    about = "" if key.exact else "≈ "
    return (
        key.name,
        f"{key.usable:,}",
        f"{key.unusable:,}",
        f"{about}{key.subjects:,}",
        f"{about}{key.repeating:,}",
        f"{key.most_rows:,}" if key.exact else f"≥ {key.most_rows:,}",
    )


def check_cells(check: CheckProfile) -> tuple[str, ...]:
    """A row of the table of checks."""
    guess = check.guess
    return (
        check.name,
        f"{check.present:,}",
        f"{guess.distinct:,}",
        f"{guess.entropy_bits:.2f}",
        f"{check.values_per_subject:.2f}",
        str(guess.attempts) if guess.attempts else NONE,
        percent(guess.probability),
        str(guess.limit) if guess.limit else NONE,
    )


def percent(share: float) -> str:
    """A share as a person reads it."""
    return "< 0.01 %" if 0 < share < _LEAST_SHOWN else f"{100 * share:.3g} %"


def _shape(shape: Shape) -> str:
    return f"{shape.shape}: {shape.rows:,}" + (f" ({shape.rejected:,} ✗)" if shape.rejected else "")
