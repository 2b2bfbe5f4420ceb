"""Bars drawn as SVG inside a page. Colours are the page's: a part has the class that the style gives one."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from provider_node.cli.output import printable

_WIDTH: Final = 760
_LABEL: Final = 190
_BAR: Final = 420
_ROW: Final = 26
_THICK: Final = 16
_LONGEST_LABEL: Final = 24


@dataclass(frozen=True, slots=True)
class Bar:
    """A labelled bar of parts, each the class of its colour and its size, and what is written behind it."""

    label: str
    parts: Sequence[tuple[str, float]]
    text: str


def bars(title: str, drawn: Sequence[Bar], full: float) -> str:
    """The bars below one another; a bar of size `full` has the whole width."""
    height = _ROW * len(drawn) + 4
    rows = "".join(_row(bar, number, full) for number, bar in enumerate(drawn))
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{text(title)}" '
        f'xmlns="http://www.w3.org/2000/svg"><title>{text(title)}</title>{rows}</svg>'
    )


def text(value: str) -> str:
    """A text as it may stand anywhere in the page."""
    return escape(printable(value), quote=True)


def _row(bar: Bar, number: int, full: float) -> str:
    top = _ROW * number + 4
    middle = top + _THICK / 2
    x = float(_LABEL)
    drawn = [f'<rect class="track" x="{_LABEL}" y="{top}" width="{_BAR}" height="{_THICK}"/>']
    for part, size in bar.parts:
        width = _BAR * size / full if full else 0.0
        if width > 0:
            drawn.append(
                f'<rect class="{part}" x="{x:.2f}" y="{top}" width="{width:.2f}" height="{_THICK}"/>'
            )
        x += width
    label = bar.label if len(bar.label) <= _LONGEST_LABEL else bar.label[: _LONGEST_LABEL - 1] + "…"
    return (
        f"<g><title>{text(bar.label)}: {text(bar.text)}</title>{''.join(drawn)}"
        f'<text class="end" x="{_LABEL - 8}" y="{middle:.1f}">{text(label)}</text>'
        f'<text x="{_LABEL + _BAR + 8}" y="{middle:.1f}">{text(bar.text)}</text></g>'
    )
