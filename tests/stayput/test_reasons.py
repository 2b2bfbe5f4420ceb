import re

import pytest

from stayput.errors import StayputError
from stayput.language import Language
from stayput.reasons import MEANINGS, told
from stayput.v1.errors_pb2 import ErrorReason

CHINESE = re.compile("[一-鿿]")
ERROR = StayputError(ErrorReason.ERROR_REASON_RESOURCE_TAKEN, "taken", remedy="choose another code")


@pytest.mark.parametrize("reason", ErrorReason.values())
def test_every_reason_has_a_meaning_in_both_languages(reason: "ErrorReason.ValueType") -> None:
    english, chinese = MEANINGS[reason]
    assert english
    assert not CHINESE.search(english)
    assert CHINESE.search(chinese)


def test_an_error_is_told_with_its_hint() -> None:
    assert told(ERROR, Language.ENGLISH) == "error: taken\nhint: choose another code"
    assert told(ERROR, Language.CHINESE) == (
        "错误：该资源代码已被其他提供部门使用（RESOURCE_TAKEN：taken）\n提示：choose another code"
    )


def test_an_incident_number_is_told_and_an_absent_hint_is_not() -> None:
    fault = StayputError(ErrorReason.ERROR_REASON_INTERNAL, "a fault", details={"incident": "a1"})
    assert told(fault, Language.ENGLISH) == "error: a fault [a1]"
    assert told(fault, Language.CHINESE) == "错误：对方程序出错（INTERNAL：a fault [a1]）"
