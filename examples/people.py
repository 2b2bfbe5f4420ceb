"""People and plates that nobody has: every number from 0 on is a person, the same one for the same seed.

Nothing is kept in memory, so a register may have tens of millions of rows and a list can still be made to
overlap with it to the row. The identity numbers have right check characters; whoever bears one bears it by
chance.
"""

from datetime import date, timedelta
from math import gcd
from random import Random

_REGIONS = [
    "110101", "110105", "120101", "120103", "130102", "130503", "140105", "140203", "150102", "150204",
    "210102", "210204", "220102", "220203", "230102", "230103", "310101", "310104", "320102", "320505",
    "330102", "330203", "340102", "340202", "350102", "350203", "360102", "360103", "370102", "370202",
    "410102", "410302", "420102", "420103", "430102", "430103", "440103", "440305", "450102", "450103",
    "460105", "460106", "500103", "500105", "510104", "510105", "520102", "520103", "530102", "530103",
    "540102", "610102", "610103", "620102", "620103", "630102", "630103", "640104", "640105", "650102",
    "650103", "810000", "820000", "830000",
]  # fmt: skip
# 15-digit numbers, which some rows have, mean the twentieth century.
_DAYS = [
    f"{date(1935, 1, 1) + timedelta(day):%Y%m%d}" for day in range((date(2000, 1, 1) - date(1935, 1, 1)).days)
]
_SEQUENCES = [f"{number:03d}" for number in range(1, 1000)]
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"

_SURNAMES = (
    "王王王王李李李李张张张张刘刘刘陈陈陈杨杨黄黄赵赵吴吴周周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩邓冯曹彭曾肖田"
    "董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙"
)
_COMPOUND_SURNAMES = ("欧阳", "司徒", "上官", "诸葛")
_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红建国志春梅海燕文斌晓东宇浩凯欣怡子涵梓萱思雨佳琪"
    "俊鹏飞雪琳婷慧莹颖鑫波宁亮成林龙云丹凤珍美荣福德生光辉永安康祥瑞嘉庆立新中民学友仁义"
)
_DOTTED_FIRST = (
    "阿依古丽",
    "买买提",
    "艾尼瓦尔",
    "古丽娜尔",
    "阿卜杜拉",
    "热依汗",
    "扎西",
    "卓玛",
    "帕提古丽",
    "努尔兰",
)
_DOTTED_LAST = (
    "艾力",
    "买买提",
    "吐尔逊",
    "阿不都热合曼",
    "玉素甫",
    "次仁",
    "顿珠",
    "木合塔尔",
    "达吾提",
    "叶尔肯",
)
_GIVEN_NAMES: list[str] = [*_GIVEN, *(first + second for first in _GIVEN for second in _GIVEN)]
_FAMILY_NAMES: list[str] = [*_SURNAMES, *_COMPOUND_SURNAMES]

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # plates have neither I nor O
_PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新"
_PLATE_PLACES = [province + letter for province in _PROVINCES for letter in _LETTERS[:12]]
_PLATE_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
_PLATE_DIGITS = [f"{number:03d}" for number in range(1000)]

PEOPLE = len(_REGIONS) * len(_DAYS) * len(_SEQUENCES)
PLATES = len(_PLATE_PLACES) * len(_PLATE_PAIRS) * len(_PLATE_DIGITS)
_MASK = (1 << 64) - 1
_DOTTED_SHARE = 32


def check_character(seventeen: str) -> str:
    """The eighteenth character of an identity number: GB 11643-1999, ISO 7064 MOD 11-2."""
    return _CHECK[sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, seventeen, strict=True)) % 11]


def _parts(texts: list[str], place: int) -> list[tuple[str, int]]:
    """Parts of an identity number with their share in the check sum, when they begin at `place`."""
    weights = _WEIGHTS[place:]
    return [(text, sum(weights[i] * int(digit) for i, digit in enumerate(text))) for text in texts]


_REGION_PARTS = _parts(_REGIONS, 0)
_DAY_PARTS = _parts(_DAYS, 6)
_SEQUENCE_PARTS = _parts(_SEQUENCES, 14)


class Population:
    """Facts about persons and vehicles by their numbers. Draws what makes it this population from `rng`."""

    def __init__(self, rng: Random) -> None:
        self._id_step, self._id_start = _stride(rng, PEOPLE), rng.getrandbits(48)
        self._plate_step, self._plate_start = _stride(rng, PLATES), rng.getrandbits(48)
        self._salt = rng.getrandbits(48)

    def resident_id(self, person: int) -> str:
        """Identity number; different for any two of the first `PEOPLE` persons."""
        rest, sequence = divmod((self._id_start + person * self._id_step) % PEOPLE, len(_SEQUENCES))
        region, day = divmod(rest, len(_DAYS))
        a, share_a = _REGION_PARTS[region]
        b, share_b = _DAY_PARTS[day]
        c, share_c = _SEQUENCE_PARTS[sequence]
        return f"{a}{b}{c}{_CHECK[(share_a + share_b + share_c) % 11]}"

    def name(self, person: int) -> str:
        """Name; one in 32 is of two parts with a middle dot between them."""
        return name_by(self.dice(person))

    def plate(self, vehicle: int) -> str:
        """Plate; different for any two of the first `PLATES` vehicles."""
        rest, digits = divmod((self._plate_start + vehicle * self._plate_step) % PLATES, 1000)
        place, pair = divmod(rest, len(_PLATE_PAIRS))
        return f"{_PLATE_PLACES[place]}{_PLATE_PAIRS[pair]}{_PLATE_DIGITS[digits]}"

    def dice(self, number: int) -> int:
        """48 bits that look random and are always the same for a number."""
        mixed = (number + self._salt) * 0x9E3779B97F4A7C15 & _MASK
        return ((mixed ^ mixed >> 29) * 0xBF58476D1CE4E5B9 & _MASK) >> 16


def name_by(dice: int) -> str:
    """The name of a person with these dice."""
    if dice % _DOTTED_SHARE == 0:
        first, last = (dice >> 8) % len(_DOTTED_FIRST), (dice >> 16) % len(_DOTTED_LAST)
        return f"{_DOTTED_FIRST[first]}·{_DOTTED_LAST[last]}"
    return _FAMILY_NAMES[(dice >> 8) % len(_FAMILY_NAMES)] + _GIVEN_NAMES[(dice >> 16) % len(_GIVEN_NAMES)]


def _stride(rng: Random, size: int) -> int:
    """A step that visits each of `size` numbers once before it comes back."""
    while gcd(step := rng.getrandbits(48), size) != 1:
        pass
    return step
