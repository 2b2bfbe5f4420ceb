"""Writing a condition: one text for all that say the same in other spacing, capitals and parentheses."""

from provider_node.config.conditions.syntax import (
    Comparison,
    Condition,
    Conjunction,
    Disjunction,
    Literal,
    LiteralKind,
    Membership,
    Name,
    Negation,
    Nullness,
)


def canonical(condition: Condition) -> str:
    """The text of which `parse` makes this condition."""
    match condition:
        case Disjunction(parts):
            return " or ".join(map(canonical, parts))
        case Conjunction(parts):
            return " and ".join(
                f"({canonical(p)})" if isinstance(p, Disjunction) else canonical(p) for p in parts
            )
        case Negation(part):
            inner = canonical(part)
            return f"not ({inner})" if isinstance(part, Conjunction | Disjunction) else f"not {inner}"
        case Comparison(field, operator, operand):
            other = operand.name if isinstance(operand, Name) else _literal(operand)
            return f"{field.name} {operator} {other}"
        case Membership(field, values, negated):
            return f"{field.name} {'not in' if negated else 'in'} ({', '.join(map(_literal, values))})"
        case Nullness(field, negated):
            return f"{field.name} {'is not null' if negated else 'is null'}"


def _literal(literal: Literal) -> str:
    quoted = "'" + literal.value.replace("'", "''") + "'"
    match literal.kind:
        case LiteralKind.NUMBER | LiteralKind.BOOLEAN:
            return literal.value
        case LiteralKind.DATE:
            return f"date {quoted}"
        case LiteralKind.TEXT:
            return quoted
