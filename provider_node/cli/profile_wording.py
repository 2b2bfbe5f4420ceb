"""Parts of a profile in the words of one language, for the terminal and for the page."""

from provider_node.cli.profile_cells import percent
from provider_node.cli.profile_texts import FINDINGS, FREQUENCIES, OTHERWISE, REMEDIES, TEXTS, UNLIMITED
from provider_node.domain.profile import Finding, Freshness, Profile
from stayput.language import Language, Text


class Wording:
    """Words of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language

    def __call__(self, text: str, **values: object) -> str:
        """One of the command's texts, with its places filled."""
        return TEXTS[text].of(self.language).format(**values)

    def finding(self, finding: Finding) -> str:
        """What was found, and what to do about it."""
        guess = finding.guess
        return (
            FINDINGS[finding.kind]
            .of(self.language)
            .format(
                rows=finding.rows,
                where=finding.where,
                reason=finding.reason,
                remedy=REMEDIES.get(finding.reason, OTHERWISE).of(self.language),
                attempts=(guess and guess.attempts) or UNLIMITED.of(self.language),
                probability=percent(guess.probability) if guess else "",
                limit=guess.limit if guess else 0,
                distinct=guess.distinct if guess else 0,
            )
        )

    def size(self, profile: Profile) -> str:
        """How much was read."""
        return self("rows" if profile.complete else "first_rows", rows=profile.rows)

    def freshness(self, freshness: Freshness) -> str:
        """How old the data are, and what is promised."""
        modified_at = freshness.modified_at
        if modified_at is None:
            dated = self("not_dated")
        else:
            dated = self("modified_at", time=f"{modified_at.astimezone():%Y-%m-%d %H:%M}")
        frequency = FREQUENCIES.get(freshness.update_frequency, Text("", "")).of(self.language)
        return self("freshness", dated=dated, frequency=frequency)
