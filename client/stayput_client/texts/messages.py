"""What commands say, apart from failures and help."""

from collections.abc import Mapping
from typing import Final

MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    "error": ("error: ", "错误："),
    "hint": ("hint: ", "提示："),
    "none": ("none", "无"),
    "yes": ("yes", "是"),
    "no": ("no", "否"),
    # Outcomes, as table headings: the word, and the code that the output file holds.
    "outcome.MATCH": ("MATCH", "一致 MATCH"),
    "outcome.MISMATCH": ("MISMATCH", "不一致 MISMATCH"),
    "outcome.NOT_FOUND": ("NOT_FOUND", "库中无 NOT_FOUND"),
    "outcome.UNVERIFIABLE": ("UNVERIFIABLE", "无法核验 UNVERIFIABLE"),
    "outcome.INVALID": ("INVALID", "输入不合规 INVALID"),
    # Why something is UNVERIFIABLE or INVALID, as docs/normalisation.md and docs/protocol.md name it.
    "why.NO_VALUE": ("the register has no value for it", "库中无此项"),
    "why.NOT_ASKED": ("the list has no value for it", "名单中此项为空"),
    "why.ATTEMPTS": (
        (
            "the attempts at this subject that the grant allows are used up for today: wait for tomorrow, "
            "or ask the provider for a higher limit"
        ),
        "该主体当日的核验次数已用完：请次日再核验，或请提供部门提高限额",
    ),
    "why.MISSING": ("empty", "为空"),
    "why.FORMAT": ("not of the field's form", "格式不符"),
    "why.CHECKSUM": ("wrong check character", "校验码错误"),
    "why.DATE": ("no such day, or an impossible year", "日期不存在或年份不合理"),
    "why.SPREADSHEET_DAMAGE": ("digits lost in a spreadsheet", "在电子表格中丢失了位数"),
    "why.AMBIGUOUS": ("can be read in two ways", "有歧义"),
    "why.ENCODING": ("characters damaged", "字符编码损坏"),
    "why.RANGE": ("more digits than the field has", "位数超出范围"),
    "why.TOO_LONG": ("too long", "过长"),
    "why.COLUMNS": ("another number of columns than the header", "列数与表头不一致"),
    "why.NUL": ("holds a NUL byte", "含有空字节"),
    "why.QUOTING": ("quotes do not pair up", "引号不成对"),
    # enrol
    "enrol.done": (
        "enrolled as department {department}; the identity is in {home}",
        "已入网，部门代码 {department}；身份证书保存在 {home}",
    ),
    # catalogue, describe
    "column.code": ("Code", "代码"),
    "column.title": ("Title", "名称"),
    "column.provider": ("Provider", "提供部门"),
    "column.category": ("Category", "类别"),
    "column.sharing": ("Sharing", "共享类型"),
    "column.keys": ("Keys", "主键"),
    "column.checks": ("Checks", "核验项"),
    "column.as_of": ("Data as of", "数据时点"),
    "column.stale": ("Stale", "是否过期"),
    "column.field": ("Field", "字段"),
    "column.type": ("Type", "类型"),
    "column.accepted": ("List columns accepted", "可识别的列名"),
    "column.asked_by": ("Name", "名称"),
    "column.role": ("Role", "用途"),
    "column.fields": ("Fields or condition", "字段或条件"),
    "role.key": ("key", "主键"),
    "role.check": ("check", "核验项"),
    "category.BASE": ("base", "基础信息资源"),
    "category.THEME": ("theme", "主题信息资源"),
    "category.DEPARTMENT": ("department", "部门信息资源"),
    "sharing.UNCONDITIONAL": ("unconditional", "无条件共享"),
    "sharing.CONDITIONAL": ("conditional", "有条件共享"),
    "sharing.NOT_SHARED": ("not shared", "不予共享"),
    "describe.node": (
        "Node: {node} at {address}, provider {provider}",
        "节点：{node}（{address}），提供部门 {provider}",
    ),
    "describe.check": ("{title}: {asked}", "{title}，即：{asked}"),
    "describe.generation": (
        "Generation {generation}, data as of {as_of}",
        "数据版本 {generation}，数据时点 {as_of}",
    ),
    "describe.left": (
        "What is left today of this department's grants on it:",
        "本部门对该资源的授权，今日剩余：",
    ),
    "describe.no_grant": (
        "This department has no grant on it at present",
        "本部门目前没有该资源的授权",
    ),
    "column.used_today": ("Records used today", "今日已用条数"),
    "column.left_today": ("Records left today", "今日剩余条数"),
    "column.day_ends": ("Renewed at", "恢复时间"),
    "describe.oblivious": (
        "Oblivious mode: suite {suite}, key epoch {key_epoch}",
        "匿踪比对：密码套件 {suite}，密钥期 {key_epoch}",
    ),
    "describe.new_keys": (
        "The provider draws new keys for each generation",
        "提供部门为每一数据版本更换密钥",
    ),
    "column.modes": ("Modes", "比对方式"),
    "column.check": ("Check", "核验项"),
    "column.granularity": ("Granularity", "粒度"),
    "column.fingerprints": ("Fingerprints", "指纹数"),
    "leak.heading": (
        "Who learns what in {mode}, {granularity} ({id}):",
        "各方可获知的信息，{mode}，{granularity}（{id}）：",
    ),
    "mode_word.KEYED": ("keyed", "密态 keyed"),
    "mode_word.OBLIVIOUS": ("oblivious", "匿踪 oblivious"),
    "granularity.RECORD": ("record", "逐条 record"),
    "granularity.COUNT": ("count", "仅汇总 count"),
    "granularity_of.RECORD": ("outcomes per record", "逐条结果"),
    "granularity_of.COUNT": ("totals only", "仅汇总数"),
    "mode.KEYED": ("keyed mode", "密态键值比对（keyed）"),
    "mode.OBLIVIOUS": ("oblivious mode", "匿踪比对（oblivious）"),
    "leak.provider": ("Provider", "提供部门"),
    "leak.consumer": ("Consumer", "使用部门"),
    "leak.platform": ("Platform", "平台"),
    # apply, withdraw, applications
    "apply.done": ("application {id} filed; its state: {state}", "申请 {id} 已提交；状态：{state}"),
    "apply.due": (
        "the provider has to decide by {due} ({clock})",
        "提供部门应在 {due} 前（含当日）处理（{clock}）",
    ),
    "apply.granted": (
        "grant {grant}; see what it permits by: stayput grants",
        "授权 {grant}；可用 stayput grants 查看",
    ),
    "apply.no_agreement": (
        "no security agreement is named: without one the provider's node refuses a grant by default",
        "未注明双方的安全协议：没有安全协议的，提供部门的节点默认不予授权",
    ),
    "withdraw.done": ("application {id}: {state}", "申请 {id}：{state}"),
    "column.id": ("Id", "编号"),
    "column.resource": ("Resource", "资源"),
    "column.key": ("Key", "主键"),
    "column.purpose": ("Purpose", "用途"),
    "column.state": ("State", "状态"),
    "column.submitted": ("Submitted", "提交时间"),
    "column.matter": ("Matter", "办理事项"),
    "column.due": ("Decision due", "处理期限"),
    "column.clock": ("Working days left", "剩余工作日"),
    "column.answer": ("Grant or reason", "授权编号或理由"),
    "clock.left": ("{days} left", "剩 {days} 个工作日"),
    "clock.overdue": ("overdue by {days}", "已逾期 {days} 个工作日"),
    "clock.provisional": ("provisional: holidays not announced yet", "暂定：节假日安排尚未公布"),
    "clock.expires": ("expires undecided after {date}", "{date} 之后仍未处理即失效"),
    "urgency.REMINDER": ("provider reminded", "已提醒提供部门"),
    "urgency.ESCALATED": ("platform's operator told", "已告知平台运营方"),
    # grants
    "column.grant": ("Grant", "授权编号"),
    "column.valid_until": ("Valid until", "失效"),
    "column.limits": (
        "Records a session / a day / attempts a subject",
        "每次条数 / 每日条数 / 每主体核验次数",
    ),
    "column.only": ("Only", "使用限制"),
    "grants.count_minimum": ("totals from {minimum}", "汇总数不低于 {minimum}"),
    "grants.noise": ("noise of epsilon {epsilon:g}", "加噪 epsilon {epsilon:g}"),
    "grants.noise_budget": ("{budget:g} in all", "合计不超过 {budget:g}"),
    "grants.no_limit": ("no limit", "不限"),
    "grants.pending": ("not valid yet, from {valid_from}", "未生效，自 {valid_from} 起"),
    "grants.operators": ("operators {names}", "经办人 {names}"),
    "grants.many_operators": ("{count} operators", "{count} 名经办人"),
    "grants.hours": ("{hours} in China", "北京时间 {hours}"),
    "grants.case_number": ("with a case number", "须填案件编号"),
    "stop.SUSPENDED.PROVIDER": ("suspended by the provider", "提供部门暂停"),
    "stop.SUSPENDED.PLATFORM": ("suspended by the platform", "平台暂停"),
    "stop.REVOKED.PROVIDER": ("revoked by the provider", "提供部门撤销"),
    "stop.REVOKED.PLATFORM": ("revoked by the platform", "平台撤销"),
    "cause.ADMINISTRATOR": ("an administrator", "管理员"),
    "cause.MISS_RATIO": ("its node: too many records not found", "节点：库中无的记录过多"),
    "cause.SEQUENCE": ("its node: numbers walked through", "节点：逐号查询"),
    "state.SUBMITTED": ("submitted", "待审核"),
    "state.ACCEPTED": ("accepted", "已受理"),
    "state.GRANTED": ("granted", "已授权"),
    "state.REFUSED": ("refused", "已拒绝"),
    "state.WITHDRAWN": ("withdrawn", "已撤回"),
    "state.SUSPENDED": ("suspended", "已暂停"),
    "state.REVOKED": ("revoked", "已撤销"),
    "state.ACTIVE": ("active", "有效"),
    "state.PENDING": ("not valid yet", "未生效"),
    "state.EXPIRED": ("expired", "已过期"),
    "state.UNVERIFIED": ("signature not verified", "签名未通过验证"),
    # compare
    "compare.progress.COMPARING": (
        "comparing, line {done} of {total}",
        "比对中，第 {done} 行，共 {total} 行",
    ),
    "compare.progress.FETCHING": (
        "fetching fingerprints, {done} of {total} bytes",
        "取得指纹，{done} 字节，共 {total} 字节",
    ),
    "compare.out_missing": (
        "give an output file, or --count-only",
        "请给出输出文件，或使用 --count-only",
    ),
    "compare.column.what": ("Compared", "比对项"),
    "compare.as_of": (
        "Data as of {as_of}, generation {generation}",
        "数据时点 {as_of}，数据版本 {generation}",
    ),
    "compare.out": ("Output: {path}", "输出文件：{path}"),
    "compare.receipt": ("Receipt: {path}", "回执文件：{path}"),
    "compare.no_receipt": (
        "No receipt: there was nothing to ask, so no session was opened",
        "无回执：没有可比对的记录，未发起比对",
    ),
    "compare.left": (
        "Left today: {left} records; renewed at {until}",
        "今日还可比对 {left} 条；恢复时间 {until}",
    ),
    "compare.speed": (
        "{records} records in {elapsed:.2f} s ({rate:,.0f} records/s)",
        "{records} 条记录，用时 {elapsed:.2f} 秒（每秒 {rate:,.0f} 条）",
    ),
    "compare.reasons": ("Reasons of UNVERIFIABLE and INVALID:", "无法核验和输入不合规的原因："),
    "compare.reason": ("  {count} × {reason} ({why})", "  {count} 条 {reason}（{why}）"),
    "compare.cut": (
        (
            "the session was cut short: {not_answered} of {records} records were not answered; "
            "the others are in {path}"
        ),
        "比对中断：共 {records} 条，其中 {not_answered} 条未得到答复；已答复的保存在 {path}",
    ),
    "compare.cut_hint": (
        (
            "run the same command again for the whole list (the partial file is replaced if it is cut short "
            "again), or compare only the lines marked NOT_ANSWERED"
        ),
        (
            "请重新运行同一命令比对整个名单（若再次中断，部分结果文件会被替换），"
            "或只比对标记为 NOT_ANSWERED 的行"
        ),
    ),
    "compare.all_invalid": (
        "every line is INVALID; check the columns and the values of the list",
        "所有行均不合规（INVALID）；请检查名单的列和取值",
    ),
    # compare --count-only
    "totals.not_told": ("not told", "不告知"),
    "totals.records": (
        "Records: {records}, of them {different} different ones counted, {invalid} INVALID",
        "共 {records} 条，其中计入的不同记录 {different} 条，不合规 {invalid} 条",
    ),
    "totals.minimum": (
        "Nothing below {minimum} is told, and nothing from which it could be worked out",
        "低于 {minimum} 的数及可据以推算的数均不告知",
    ),
    "totals.noise": (
        "The node has added noise of epsilon {epsilon:g}: the totals are not exact",
        "节点已加噪（epsilon {epsilon:g}）：汇总数并非精确值",
    ),
    "totals.oblivious": (
        "Oblivious mode tells how many agree; it cannot tell a MISMATCH from what is not there",
        "匿踪比对只告知相符的数量；无法区分不一致与库中无",
    ),
}
