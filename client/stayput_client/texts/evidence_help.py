"""What `--help` says of the commands about evidence."""

from collections.abc import Mapping
from typing import Final

_HOME = (
    "directory of the identity; default: $STAYPUT_HOME, or ~/.stayput",
    "身份证书目录；缺省为 $STAYPUT_HOME 或 ~/.stayput",
)
_JSON = ("print JSON instead of a table", "以 JSON 输出，不用表格")
_PLACE = ("place in the log, as stayput audit search shows it", "在日志中的序号，见 stayput audit search")
_RAW_KEY = ("its signing key, Base64", "其签名公钥，Base64 编码")

EVIDENCE_HELP: Final[Mapping[str, tuple[str, str]]] = {
    "help.verify": (
        """Verify a bundle or an archive, without the network.

Says what is proven and by whom. Nothing is believed but the keys in the trust file.

\b
Exit codes:
  0  verified
  1  it does not verify; the message names what failed
  2  wrong usage""",
        """验证证据文件或归档文件，无需联网。

说明证明了什么、由谁证明。除信任文件中的公钥外，不采信任何一方。

\b
退出码：
  0  通过验证
  1  未通过验证；提示中指出何处不符
  2  用法错误""",
    ),
    "help.verify.evidence_file": (
        "a bundle (PLACE.stayput-bundle.json) or an archive of the log",
        "证据文件（序号.stayput-bundle.json）或日志归档文件",
    ),
    "help.verify.trust": (
        "the trust file; default: trust.toml in the directory of the identity",
        "信任文件；缺省为身份证书目录中的 trust.toml",
    ),
    "help.verify.home": _HOME,
    "help.verify.as_json": _JSON,
    "help.witness": (
        (
            "Cosign the log's latest checkpoint, if it goes on from the last one seen.\n\n"
            "Once, or again and again with --every. A log that shows two different trees is refused, both "
            "checkpoints are kept as evidence, and the exit code is 1."
        ),
        (
            "对日志的最新检查点作见证签名，前提是它与上次所见衔接。\n\n"
            "执行一次；用 --every 则反复执行。"
            "日志前后显示不同的树时拒绝签名，保存两个检查点作为证据，退出码为 1。"
        ),
    ),
    "help.witness.every": (
        "go on, once every so many seconds; what a restart of the platform causes is waited out",
        "每隔若干秒执行一次；平台重启造成的中断会自动等待",
    ),
    "help.witness.show_key": (
        "print this witness's key for the trust files of others, and do nothing else",
        "只显示本见证方的公钥，供他人加入信任文件",
    ),
    "help.witness.home": _HOME,
    "help.trust": (
        "The trust file: whose keys evidence is verified with.",
        "信任文件：用哪些公钥验证证据。",
    ),
    "help.trust.show": ("Show the trust file.", "显示信任文件。"),
    "help.trust.show.home": _HOME,
    "help.trust.add-log": (
        "Begin the trust file with the log's key.\n\nAnother key later is refused.",
        "以日志公钥建立信任文件。\n\n之后出现不同的公钥时拒绝。",
    ),
    "help.trust.add-log.key": (
        "verifier key that the platform's operator publishes",
        "平台运营方公布的日志公钥",
    ),
    "help.trust.add-log.home": _HOME,
    "help.trust.add-witness": ("Add a witness.", "添加见证方。"),
    "help.trust.add-witness.key": (
        "its verifier key, as `stayput witness --show-key` prints it there",
        "其公钥，由对方用 stayput witness --show-key 显示",
    ),
    "help.trust.add-witness.least": (
        "demand that at least so many witnesses have cosigned; unchanged unless given",
        "要求至少若干个见证方签名；缺省不变",
    ),
    "help.trust.add-witness.home": _HOME,
    "help.trust.add-node": (
        "Add a node's key, besides those that it had.",
        "添加节点的公钥，原有公钥保留。",
    ),
    "help.trust.add-node.node": ("id of the node", "节点编号"),
    "help.trust.add-node.key": _RAW_KEY,
    "help.trust.add-node.home": _HOME,
    "help.trust.add-consumer": (
        "Add a consumer's key, besides those that it had.",
        "添加使用部门的公钥，原有公钥保留。",
    ),
    "help.trust.add-consumer.department": ("code of the department", "部门代码"),
    "help.trust.add-consumer.key": _RAW_KEY,
    "help.trust.add-consumer.home": _HOME,
    "help.trust.fetch": (
        "Add the keys of all nodes in the catalogue.\n\nA node that shows another key later is refused.",
        "添加目录中所有节点的公钥。\n\n之后节点出示不同的公钥时拒绝。",
    ),
    "help.trust.fetch.home": _HOME,
    "help.audit": (
        "Audit the comparison log; nothing can be changed by it.",
        "审计比对日志；不能更改任何内容。",
    ),
    "help.audit.search": (
        "Search the log, newest first.\n\nBy all that is given. The log records each search by an auditor.",
        "检索日志，最新的在前。\n\n须符合所给的全部条件。审计部门的每次检索都会记入日志。",
    ),
    "help.audit.search.since": (
        "logged at or after this day or time, like 2026-11-23 or 2026-11-23T08:00",
        "入账时间不早于该日期或时间，如 2026-11-23 或 2026-11-23T08:00",
    ),
    "help.audit.search.until": ("logged before this day or time", "入账时间早于该日期或时间"),
    "help.audit.search.consumer": ("code of the consuming department", "使用部门代码"),
    "help.audit.search.provider": ("code of the providing department", "提供部门代码"),
    "help.audit.search.resource": ("code of the resource", "资源代码"),
    "help.audit.search.grant": ("id of the grant", "授权编号"),
    "help.audit.search.operator": ("operator, exactly as in the ticket", "经办人，须与票据完全一致"),
    "help.audit.search.case_number": ("case number, exactly", "案件编号，须完全一致"),
    "help.audit.search.event": (
        "type of event, like grant-revoked; repeat for several",
        "事件类型，如 grant-revoked；多项时重复使用",
    ),
    "help.audit.search.least_records": (
        "comparisons of at least so many records",
        "仅限不少于若干条记录的比对",
    ),
    "help.audit.search.receipts": ("only comparisons", "仅限比对"),
    "help.audit.search.events": ("only events", "仅限事件"),
    "help.audit.search.limit": ("show at most so many; 0 for all", "最多显示若干条；0 表示全部"),
    "help.audit.search.home": _HOME,
    "help.audit.search.as_json": _JSON,
    "help.audit.show": (
        "Show an entry and what is proven of it.\n\nIt is fetched and verified.",
        "显示条目及其已证明的内容。\n\n条目经获取并验证。",
    ),
    "help.audit.show.place": _PLACE,
    "help.audit.show.home": _HOME,
    "help.audit.show.as_json": _JSON,
    "help.audit.verify": ("Fetch entries and verify them.", "获取并验证条目。"),
    "help.audit.verify.places": _PLACE,
    "help.audit.verify.home": _HOME,
    "help.audit.tail": (
        "Follow the log: each new entry, verified.\n\nEnd it by Ctrl-C.",
        "跟踪日志：显示每个新条目，均经验证。\n\n按 Ctrl-C 结束。",
    ),
    "help.audit.tail.before": ("begin so many entries before the end", "从末尾之前若干条开始"),
    "help.audit.tail.every": ("ask every so many seconds", "每隔若干秒查询一次"),
    "help.audit.tail.home": _HOME,
    "help.audit.tail.as_json": ("print JSON, an entry a line", "以 JSON 输出，每行一条"),
    "help.audit.export": (
        "Write entries as bundles.\n\nEach is verified first; verify them again by: stayput verify FILE",
        "将条目写成证据文件。\n\n写出前先行验证；可用 stayput verify 文件 再次验证",
    ),
    "help.audit.export.places": _PLACE,
    "help.audit.export.out": ("directory for the files PLACE.stayput-bundle.json", "证据文件的目录"),
    "help.audit.export.force": ("overwrite existing files", "覆盖已存在的文件"),
    "help.audit.export.home": _HOME,
}
