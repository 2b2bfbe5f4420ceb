"""Who learns what in each mode and granularity: one wording for catalogue, description and receipt.

Source: docs/protocol.md, section 14, which repeats them, and docs/threat-model.md, which argues them.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from stayput.language import Text
from stayput.v1.contract_pb2 import Granularity, Leakage, LeakageLine, Mode

PARTIES: Final = ("provider", "consumer", "platform")

_KEYED, _OBLIVIOUS = Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS
_RECORD, _COUNT = Granularity.GRANULARITY_RECORD, Granularity.GRANULARITY_COUNT

_KEYED_PROVIDER: Final = Text(
    "which of its own subjects were asked about, and how many others were not found. An honest node keeps "
    "nothing of those; a dishonest one could try a dictionary on them.",
    "被查询的是本库中的哪些主体，以及有多少条不在库中。诚实的节点不留存后者；不诚实的节点可以用字典猜测。",
)
_COUNTING_PROVIDER: Final = Text(
    "which of its own subjects were asked about, how many others were not found, and all totals. An honest "
    "node keeps no digests, but of each list a sketch, from which whoever also has its guards' key can read "
    "whom a list of up to a few hundred keys asked about, those not found included. A dishonest one could "
    "try a dictionary on all of them.",
    "被查询的是本库中的哪些主体、有多少条不在库中，以及全部汇总数。诚实的节点不留存摘要，但为每份名单留存一份概要；"
    "同时持有节点防护密钥的人，可以从中还原数百个键值以内的名单，包括不在库中者。"
    "不诚实的节点可以对全部记录用字典猜测。",
)
_OBLIVIOUS_PROVIDER: Final = Text(
    "how many elements of which keys and checks were asked about, and nothing of what they are. It can bound "
    "how many, and cannot tell a guess from an honest question.",
    "按哪些键值和核验项查询了多少个元素，但不知道是哪些。只能限制总量，无法区分试探与正常查询。",
)

STATEMENTS: Final[
    Mapping[tuple["Mode.ValueType", "Granularity.ValueType"], tuple[str, tuple[Text, Text, Text]]]
] = {
    (_KEYED, _RECORD): (
        "keyed-record/1",
        (
            _KEYED_PROVIDER,
            Text("the outcome of each record, and nothing else", "每条记录的比对结果，别无其他"),
            Text(
                "counts by outcome; never a record, a digest or a result",
                "各类结果的条数；不接触记录、摘要和逐条结果",
            ),
        ),
    ),
    (_KEYED, _COUNT): (
        "keyed-count/1",
        (
            _COUNTING_PROVIDER,
            Text(
                "totals of at least the grant's minimum, with noise if the grant says so; a list whose keys "
                "differ from those of an earlier one in fewer records is refused. What it knows of single "
                "records beforehand it can subtract. Without noise it can also find out single records, by "
                "two lists that it pads with records of which it knows that they are not found.",
                "不低于授权下限的汇总数，授权规定时加噪；键值与先前名单相差不足下限的名单会被拒绝。"
                "使用部门可以从汇总数中减去其事先已知的个别记录；不加噪时，"
                "还可以用确知不在库中的记录填充两份名单，由其汇总数之差得知个别记录。",
            ),
            Text(
                "the totals that the consumer is told; never a record, a digest or a result",
                "告知使用部门的汇总数；不接触记录、摘要和逐条结果",
            ),
        ),
    ),
    (_OBLIVIOUS, _RECORD): (
        "oblivious-record/1",
        (
            _OBLIVIOUS_PROVIDER,
            Text(
                "the outcome of each record that it paid quota for, and how large the register is: "
                "pseudorandom fingerprints of the register leave the node. Under the same key it can test "
                "what it was answered against every generation whose fingerprints it holds, earlier or "
                "later.",
                "已计入限额的每条记录的比对结果，以及库的规模：库的伪随机指纹会离开节点。"
                "在同一密钥下，已获答复的元素可以用所持有的每一版指纹检验，无论先后。",
            ),
            Text(
                "how many elements; never a record, a digest or a result",
                "元素个数；不接触记录、摘要和逐条结果",
            ),
        ),
    ),
    (_OBLIVIOUS, _COUNT): (
        "oblivious-count/1",
        (
            Text(
                _OBLIVIOUS_PROVIDER.en + " It does not learn the totals, and cannot suppress small ones.",
                _OBLIVIOUS_PROVIDER.zh + "不知道汇总数，因而无法隐去过小的数。",
            ),
            Text(
                "how many of its list are in the register, in every generation whose fingerprints it holds "
                "under the same key, and how large that is. A consumer that departs from the protocol can "
                "find out which, by asking parts of its list in some twenty sessions, within its quotas.",
                "名单中有多少在库（同一密钥下所持有的每一版指纹均可检验），以及库的规模。"
                "若使用部门不按协议行事，可以在限额内将名单分部分用约二十次会话查询，从而得知是哪些。",
            ),
            Text(
                "how many elements; never a record, a digest or a result",
                "元素个数；不接触记录、摘要和逐条结果",
            ),
        ),
    ),
}
"""Name of the statement, and what each of `PARTIES` learns, by mode and granularity."""

IDS: Final = {place: name for place, (name, _) in STATEMENTS.items()}


def leakage(mode: "Mode.ValueType", granularity: "Granularity.ValueType") -> Leakage:
    """The statement for a mode and a granularity; `KeyError` for what is no such."""
    name, learned = STATEMENTS[mode, granularity]
    return Leakage(
        id=name,
        mode=mode,
        granularity=granularity,
        lines=[
            LeakageLine(party=party, zh=text.zh, en=text.en)
            for party, text in zip(PARTIES, learned, strict=True)
        ],
    )


def leakages(
    modes: Iterable["Mode.ValueType"], granularities: Iterable["Granularity.ValueType"]
) -> list[Leakage]:
    """The statements for all modes in all granularities."""
    return [leakage(mode, granularity) for mode in modes for granularity in granularities]
