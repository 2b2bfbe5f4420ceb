"""How a failure is told: what is wrong and what to do. Imported when something has failed, not before."""

from stayput.delimited import DelimitedError
from stayput.errors import StayputError
from stayput.language import Language
from stayput.reasons import MEANINGS
from stayput_client.faults import ClientFault
from stayput_client.refusals import explained
from stayput_client.texts.remedies import REMEDIES


def told(error: StayputError | DelimitedError | OSError, language: Language) -> tuple[str, str]:
    """The problem and what to do about it, which is empty if nothing can be said."""
    match error:
        case ClientFault():
            return error.message_in(language), error.remedy_in(language)
        case StayputError():
            return _told_by_another(error, language)
        case DelimitedError():
            return error.chinese if language is Language.CHINESE else str(error), ""
        case _:
            place = f"{error.filename}: " if error.filename else ""
            return f"{place}{error.strerror}", ""


def _told_by_another(error: StayputError, language: Language) -> tuple[str, str]:
    """The same of a failure that another party told in English."""
    incident = f" [{error.details['incident']}]" if "incident" in error.details else ""
    fault = explained(error)
    if fault is None:
        meaning, remedy = MEANINGS[error.reason].of(language), REMEDIES[error.reason].of(language)
    else:
        meaning, remedy = fault.message_in(language), fault.remedy_in(language)
    if language is Language.CHINESE:
        # The meaning is the translation of what the other party said.
        return f"{meaning}（{error.reason_name}：{error.message}{incident}）", remedy
    if fault is None:
        return f"{error.message} ({error.reason_name}){incident}", error.remedy or remedy
    return f"{meaning} ({error.reason_name}: {error.message}{incident})", remedy
