"""The error that carries a text in both languages."""

from stayput.errors import Reason, StayputError
from stayput.language import Language, Text
from stayput.v1.errors_pb2 import ErrorReason


class OperatorError(StayputError):
    """A failure told to whoever runs the program, in their language; in English to everyone else."""

    def __init__(self, reason: Reason, text: Text, remedy: Text, **values: object) -> None:
        super().__init__(reason, text.en.format(**values), remedy=remedy.en.format(**values))
        self._text, self._remedy, self._values = text, remedy, values

    def told(self, language: Language) -> tuple[str, str]:
        """Message and remedy in that language."""
        return self._text.of(language).format(**self._values), self._remedy.of(language).format(
            **self._values
        )


def unusable(text: Text, remedy: Text, **values: object) -> OperatorError:
    """`CONFIGURATION_INVALID`: the installation cannot be used as it is."""
    return OperatorError(ErrorReason.ERROR_REASON_CONFIGURATION_INVALID, text, remedy, **values)
