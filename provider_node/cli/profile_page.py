"""A profile as one page in both languages that needs nothing else: no script, font, image or connection."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final

from provider_node.cli.profile_cells import (
    CHECK_COLUMNS,
    FIELD_COLUMNS,
    KEY_COLUMNS,
    check_cells,
    field_cells,
    key_cells,
    percent,
)
from provider_node.cli.profile_charts import Bar, bars, text
from provider_node.cli.profile_style import STYLE
from provider_node.cli.profile_wording import Wording
from provider_node.domain.profile import CheckProfile, FieldProfile, Level, Profile
from stayput.language import Language

_ENGLISH: Final = Wording(Language.ENGLISH)
_CHINESE: Final = Wording(Language.CHINESE)
_LEAST_BITS: Final = 20.0
"""The entropy chart's width: more bits than that differ in nothing that matters."""
_PARTS: Final = ("present", "missing", "rejected")
_TABLES: Final = ("fields", "keys", "checks")


def page(profile: Profile) -> str:
    """The page as HTML that is well-formed XML too."""
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = text(_ENGLISH("title", resource=profile.resource, title=profile.title))
    return (
        '<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8"/>'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        '<meta name="referrer" content="no-referrer"/><meta name="color-scheme" content="light dark"/>'
        f"<title>{title}</title><style>{STYLE}</style></head><body><main>{_body(profile)}</main></body></html>\n"
    )


def _body(profile: Profile) -> str:
    return "".join(
        (
            _heading(profile),
            *(_findings(profile, level) for level in Level),
            _section(
                "fields", _missing_chart(profile), _table(FIELD_COLUMNS, map(field_cells, profile.fields))
            ),
            _reasons(profile),
            _section("keys", _table(KEY_COLUMNS, map(key_cells, profile.keys))),
            _checks(profile),
        )
    )


def _heading(profile: Profile) -> str:
    lines = (
        (word.size(profile), word.freshness(profile.freshness), word("profiled_at", time=_time(profile)))
        for word in (_ENGLISH, _CHINESE)
    )
    return (
        f"<header><h1>{_both('title', resource=profile.resource, title=profile.title)}</h1>"
        + "".join(
            f'<p lang="{language}">{"<br/>".join(map(text, one))}</p>'
            for language, one in zip(("en", "zh-CN"), lines, strict=True)
        )
        + f"{_note('no_values')}</header>"
    )


def _time(profile: Profile) -> str:
    return f"{profile.profiled_at.astimezone():%Y-%m-%d %H:%M}"


def _findings(profile: Profile, level: Level) -> str:
    found = [one for one in profile.findings if one.level is level]
    items = "".join(
        f'<li><span lang="zh-CN">{text(_CHINESE.finding(one))}</span>'
        f'<br/><span lang="en">{text(_ENGLISH.finding(one))}</span></li>'
        for one in found
    )
    if not found and level is Level.KNOW:
        return ""
    shown = f'<ol class="{level.value.lower()}">{items}</ol>' if found else f"<p>{_both('nothing')}</p>"
    return _section(level.value, shown)


def _missing_chart(profile: Profile) -> str:
    drawn = [
        Bar(one.name, list(zip(_PARTS, counts(one), strict=True)), _counts(one)) for one in profile.fields
    ]
    legend = "".join(f'<span><i class="{part}"></i>{_both(part)}</span>' for part in _PARTS)
    return f'<p class="legend">{legend}</p>{bars(_plain("fields"), drawn, profile.rows)}'


def counts(field: FieldProfile) -> tuple[int, int, int]:
    """The rows with a value, without one, and with one that is refused."""
    return field.present, field.missing, sum(field.rejected.values())


def _counts(field: FieldProfile) -> str:
    return " / ".join(f"{count:,}" for count in counts(field))


def _reasons(profile: Profile) -> str:
    drawn = [
        Bar(f"{field.name} {reason}", [("rejected", rows)], f"{rows:,}")
        for field in profile.fields
        for reason, rows in field.rejected.items()
    ] + [
        Bar(f"* {reason}", [("rejected", lines)], f"{lines:,}")
        for reason, lines in profile.unreadable.items()
    ]
    if not drawn:
        return ""
    most = max(size for bar in drawn for _, size in bar.parts)
    return _section("reasons", bars(_plain("reasons"), drawn, most))


def _checks(profile: Profile) -> str:
    if not profile.checks:
        return ""
    drawn = [_entropy(check) for check in profile.checks]
    full = max(_LEAST_BITS, *(check.guess.entropy_bits for check in profile.checks))
    chart = f"<h3>{_both('entropy_chart')}</h3>{_note('entropy_note')}"
    chart += bars(_plain("entropy_chart"), drawn, full)
    conditions = "".join(
        f"<dt>{text(check.name)}</dt><dd><code>{text(check.condition)}</code> "
        f"{_both('met', share=percent(check.met / check.present if check.present else 0.0))}</dd>"
        for check in profile.checks
        if check.condition
    )
    table = _table(CHECK_COLUMNS, map(check_cells, profile.checks))
    return _section("checks", chart, table, f"<dl>{conditions}</dl>" if conditions else "")


def _entropy(check: CheckProfile) -> Bar:
    bits = check.guess.entropy_bits
    told = f"{bits:.1f} bit · {percent(check.guess.probability)}"
    return Bar(check.name, [("rejected" if check.guess.easy else "present", bits)], told)


def _section(name: str, *parts: str) -> str:
    return f"<section><h2>{_both(name)}</h2>{''.join(parts)}</section>"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{_both(column)}</th>' for column in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(value: str) -> str:
    return f"<td>{'<br/>'.join(map(text, value.splitlines()))}</td>"


def _note(name: str) -> str:
    return f'<p class="note">{_both(name)}</p>'


def _both(name: str, **values: object) -> str:
    chinese, english = _CHINESE(name, **values), _ENGLISH(name, **values)
    return f'<span lang="zh-CN">{text(chinese)}</span> <span lang="en">{text(english)}</span>'


def _plain(name: str) -> str:
    return f"{_CHINESE(name)} {_ENGLISH(name)}"
