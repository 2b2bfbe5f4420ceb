"""Failures found on the consumer's side, whose texts exist in both languages."""

from stayput.errors import Reason, StayputError
from stayput.language import Language
from stayput_client.texts import text


class ClientFault(StayputError):
    """A `StayputError` whose message and remedy come from the text catalogue.

    `name` is that of the texts `fault.<name>` and `remedy.<name>`; `places` and `field` fill their
    placeholders. Never give a value of a record as a place.
    """

    def __init__(self, reason: Reason, name: str, *, field: str = "", **places: str) -> None:
        self.name = name
        self.places = {**places, "field": field}
        super().__init__(
            reason, self.message_in(Language.ENGLISH), field=field, remedy=self.remedy_in(Language.ENGLISH)
        )

    def message_in(self, language: Language) -> str:
        """What is wrong."""
        return text(f"fault.{self.name}", language, **self.places)

    def remedy_in(self, language: Language) -> str:
        """What to do."""
        return text(f"remedy.{self.name}", language, **self.places)
