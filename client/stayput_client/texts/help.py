"""What `--help` says: `help.<command>` and `help.<command>.<parameter>`."""

from collections.abc import Mapping
from typing import Final

# A line with a backspace in it keeps the lines of the paragraph that follows as they are.

_HOME = (
    "directory of the identity; default: $STAYPUT_HOME, or ~/.stayput",
    "身份证书目录；缺省为 $STAYPUT_HOME 或 ~/.stayput",
)
_JSON = ("print JSON instead of a table", "以 JSON 输出，不用表格")
_RESOURCE = ("code of the resource, as `stayput catalogue` shows it", "资源代码，见 stayput catalogue")
_KEY = ("name of the key that identifies a subject", "用于确定主体的主键名称")
_CHECK = ("name of a check; repeat for several", "核验项名称；多项时重复使用")

HELP: Final[Mapping[str, tuple[str, str]]] = {
    "help": (
        "Compare records with registers of other departments; the data stays put.",
        "与其他部门的数据进行比对，数据不落地。",
    ),
    "help.lang": (
        "language of texts; by the locale unless given",
        "文字的语言；缺省由系统区域设置决定",
    ),
    "help.enrol": (
        "Turn an invitation file into this department's identity. Safe to repeat if it was cut off.",
        "凭邀请文件入网，取得本部门的身份证书。中断后可以重复执行。",
    ),
    "help.enrol.invitation_file": (
        "the file that the platform's operator handed over; secret until used",
        "平台运营方交付的邀请文件；使用前须保密",
    ),
    "help.enrol.home": _HOME,
    "help.enrol.renew": (
        "replace an existing identity, once the new one is there",
        "更换已有的身份证书；新证书到位后才替换",
    ),
    "help.catalogue": (
        "List the resources of the platform.\n\nAll of them, or those that fit all that is given.",
        "列出平台上的比对资源。\n\n全部，或符合所给全部条件的。",
    ),
    "help.catalogue.query": (
        "words that all must occur in code, titles, provider, conditions, legal basis, fields, keys, checks",
        "检索词；须全部出现在代码、名称、提供部门、使用条件、法律依据、字段、主键或核验项中",
    ),
    "help.catalogue.category": ("only of this category; repeat for several", "仅限该类别；多项时重复使用"),
    "help.catalogue.sharing": (
        "only of this sharing type; repeat for several",
        "仅限该共享类型；多项时重复使用",
    ),
    "help.catalogue.provider": ("only of this provider, by its code", "仅限该提供部门（部门代码）"),
    "help.catalogue.mode": (
        "only what offers this mode; repeat to demand several",
        "仅限提供该比对方式的；多项时重复使用，须全部提供",
    ),
    "help.catalogue.home": _HOME,
    "help.catalogue.as_json": _JSON,
    "help.describe": (
        (
            "Show what a resource can be asked.\n\nBy which columns, as of when, in which modes, who learns "
            "what from it, and what is left today of this department's grants on it."
        ),
        "查看资源可以比对什么。\n\n包括可识别的列名、数据时点、各方可获知的信息，以及本部门授权的今日剩余额度。",
    ),
    "help.describe.resource": _RESOURCE,
    "help.describe.home": _HOME,
    "help.describe.as_json": _JSON,
    "help.apply": (
        "Apply to the provider for access to a resource.",
        "向提供部门申请使用某项资源。",
    ),
    "help.apply.resource": _RESOURCE,
    "help.apply.key": _KEY,
    "help.apply.check": _CHECK,
    "help.apply.purpose": ("what it is for", "用途"),
    "help.apply.legal_basis": ("the legal basis", "法律依据"),
    "help.apply.matter": (
        "the matter that it serves, as the department's list of powers names it",
        "办理事项，按本部门权责清单的名称填写",
    ),
    "help.apply.agreement": (
        "reference of the security agreement between the two departments; without one grants are refused",
        "双方安全协议的编号；没有安全协议的，默认不予授权",
    ),
    "help.apply.mode": (
        "keyed (the default), or oblivious: the provider does not learn whom the department asks about",
        "keyed（缺省），或 oblivious（匿踪比对：提供部门不知道查询的是谁）",
    ),
    "help.apply.granularity": (
        "record (the default): an outcome for each record; or count: totals only",
        "record（缺省）：逐条结果；或 count：仅汇总数",
    ),
    "help.apply.volume": ("records expected per day", "预计每日比对条数"),
    "help.apply.home": _HOME,
    "help.apply.as_json": _JSON,
    "help.withdraw": (
        "Take back an application that awaits its decision.\n\nSafe to repeat.",
        "撤回尚未处理的申请。\n\n可以重复执行。",
    ),
    "help.withdraw.application": (
        "id of the application, as stayput applications shows it",
        "申请编号，见 stayput applications",
    ),
    "help.withdraw.reason": ("why; the provider reads it", "撤回理由；提供部门可以看到"),
    "help.withdraw.home": _HOME,
    "help.withdraw.as_json": _JSON,
    "help.applications": (
        "List this department's applications, newest first.\n\nWith their state and the provider's deadline.",
        "列出本部门的申请，最新的在前。\n\n包括状态和提供部门的处理期限。",
    ),
    "help.applications.home": _HOME,
    "help.applications.as_json": _JSON,
    "help.grants": (
        "List this department's grants, newest first.\n\nWhether they can be used, how much, and by whom.",
        "列出本部门的授权，最新的在前。\n\n包括能否使用、限额和使用限制。",
    ),
    "help.grants.home": _HOME,
    "help.grants.as_json": _JSON,
    "help.compare": (
        """Compare a CSV list; write it with outcomes.

The output has the list's own columns, then `outcome` (of the key), `outcome_CHECK` for each check, and
`reason`. The receipt, signed by the provider's node, is written beside it as OUT.receipt.json. In oblivious
mode there may be others: OUT.fetch.receipt.json of fetching the register's fingerprints, which is done once
for each generation, and OUT.receipt-2.json and so on of sessions that broke and were resumed.

With --count-only the output has the totals instead, one a line, empty where they are not told.

\b
Outcomes:
  MATCH         the subject is in the register; the check's value agrees
  MISMATCH      the register has another value for the subject
  NOT_FOUND     the register has no such subject
  UNVERIFIABLE  the register (NO_VALUE) or the list (NOT_ASKED) has no value for the check, or the
                attempts at this subject are used up for today (ATTEMPTS)
  INVALID       the value or the line cannot be right; it was not sent

\b
Exit codes:
  0  done, whatever the outcomes
  1  refused or failed; nothing was written
  2  wrong usage
  3  cut short; what was answered is kept in OUT.partial.csv, the other lines are marked NOT_ANSWERED
  4  done, but every line is INVALID""",
        """比对 CSV 名单，输出带比对结果的名单。

输出名单原有的列，其后是 outcome（主键）、每个核验项的 outcome_核验项 和 reason（原因）。

提供部门节点签名的回执保存在旁边的 OUT.receipt.json。匿踪比对时可能另有：
取得库的指纹（每一数据版本一次）的回执 OUT.fetch.receipt.json，中断后续传的会话的回执 OUT.receipt-2.json 等。

使用 --count-only 时，输出为汇总数，每行一项；不告知的为空。

\b
比对结果：
  MATCH         一致：主体在库中；核验项的取值相符
  MISMATCH      不一致：库中该主体的取值不同
  NOT_FOUND     库中无：库中没有该主体
  UNVERIFIABLE  无法核验：库中无此项（NO_VALUE）、名单中此项为空（NOT_ASKED），
                或该主体当日核验次数已用完（ATTEMPTS）
  INVALID       输入不合规：取值或整行有误，未发送

\b
退出码：
  0  完成，不论结果如何
  1  被拒绝或失败，未写入任何文件
  2  用法错误
  3  中断；已答复的部分保存在 OUT.partial.csv，其余行标记为 NOT_ANSWERED
  4  完成，但所有行均为 INVALID""",
    ),
    "help.compare.list_file": (
        "the list: a CSV file with a header, UTF-8 or GB18030",
        "名单：带表头的 CSV 文件，UTF-8 或 GB18030 编码",
    ),
    "help.compare.resource": _RESOURCE,
    "help.compare.key": _KEY,
    "help.compare.check": _CHECK,
    "help.compare.out": (
        "the output file; with --count-only LIST.totals.csv beside the list unless given",
        "输出文件；使用 --count-only 时缺省为名单旁的 LIST.totals.csv",
    ),
    "help.compare.mode": (
        (
            "keyed (the default), or oblivious: the provider does not learn whom the list asks about. The "
            "outcomes are the same, but that attempts at a subject are not limited (no ATTEMPTS)"
        ),
        (
            "keyed（缺省），或 oblivious（匿踪比对：提供部门不知道名单上是谁）。"
            "比对结果相同，但不限制对同一主体的核验次数（没有 ATTEMPTS）"
        ),
    ),
    "help.compare.count_only": (
        (
            "tell how many different records agree, and not which. In keyed mode nothing below the grant's "
            "minimum is told; oblivious mode tells how many MATCH, and cannot tell how many MISMATCH"
        ),
        (
            "只告知有多少条不同的记录相符，不告知是哪些。keyed 方式下低于授权下限的数不告知；"
            "oblivious 方式只告知一致（MATCH）的数量，无法告知不一致（MISMATCH）的数量"
        ),
    ),
    "help.compare.column": (
        "which column holds a field, as FIELD=COLUMN; needed only where names and titles differ",
        "字段与列的对应关系，写作 字段=列名；仅在列名与字段名、标题都不同时需要",
    ),
    "help.compare.operator": (
        "which civil servant asks; default: operator in config.toml",
        "经办人；缺省为 config.toml 中的 operator",
    ),
    "help.compare.purpose": (
        "what this comparison is for; default: purpose in config.toml, then the grant's",
        "本次比对的用途；缺省为 config.toml 中的 purpose，其次为授权的用途",
    ),
    "help.compare.case_number": ("case number, where the grant demands one", "案件编号（授权要求时必填）"),
    "help.compare.grant": (
        "grant to use; default: the only active one that covers the request",
        "使用的授权编号；缺省为唯一适用的有效授权",
    ),
    "help.compare.encoding": ("utf-8 or gb18030; detected unless given", "utf-8 或 gb18030；缺省自动识别"),
    "help.compare.delimiter": ("character between columns; \\t for a tab", "列分隔符；\\t 表示制表符"),
    "help.compare.force": (
        "overwrite an existing output and its receipt",
        "覆盖已存在的输出文件及其回执",
    ),
    "help.compare.home": _HOME,
    "help.compare.as_json": (
        "print the summary as JSON instead of a table",
        "以 JSON 输出汇总，不用表格",
    ),
    "help.receipt": ("Receipts: what a node signed about a comparison.", "回执：节点对比对所作的签名声明。"),
    "help.receipt.show": ("Show a receipt. Does not verify it.", "显示回执内容，不作验证。"),
    "help.receipt.show.receipt_file": ("a file OUT.receipt.json", "回执文件 OUT.receipt.json"),
    "help.receipt.show.as_json": _JSON,
    "help.receipt.verify": (
        "Verify a receipt with its node's pinned key, or else the key in the catalogue.",
        "用首次使用时记录的节点公钥（没有时用目录中的公钥）验证回执。",
    ),
    "help.receipt.verify.receipt_file": ("a file OUT.receipt.json", "回执文件 OUT.receipt.json"),
    "help.receipt.verify.home": _HOME,
    "help.receipt.prove": (
        (
            "Prove by a receipt that exactly this list was asked, and exactly this output told.\n\n"
            "In oblivious mode, and of totals, it can only be proved what was asked."
        ),
        (
            "用回执证明：所问的正是该名单，所得的正是该输出文件。\n\n"
            "匿踪比对的回执和汇总数的回执只能证明所问的是什么。"
        ),
    ),
    "help.receipt.prove.receipt_file": ("a file OUT.receipt.json", "回执文件 OUT.receipt.json"),
    "help.receipt.prove.list_file": ("the list that was compared", "当时比对的名单"),
    "help.receipt.prove.out": (
        "the output that was written; only for outcomes per record in keyed mode",
        "当时写出的输出文件；仅用于密态比对的逐条结果",
    ),
    "help.receipt.prove.column": ("as it was given to compare", "与当时 compare 的参数相同"),
    "help.receipt.prove.encoding": ("as it was given to compare", "与当时 compare 的参数相同"),
    "help.receipt.prove.delimiter": ("as it was given to compare", "与当时 compare 的参数相同"),
    "help.receipt.prove.home": _HOME,
}
