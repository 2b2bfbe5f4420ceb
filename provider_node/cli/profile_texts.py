"""What `provider-node profile` says, in English and Chinese."""

from collections.abc import Mapping
from typing import Final

from provider_node.domain.profile import Kind
from stayput.language import Text

TEXTS: Final[Mapping[str, Text]] = {
    "title": Text("Profile of {resource} {title}", "{resource} {title} 数据质量报告"),
    "rows": Text("{rows:,} rows", "{rows:,} 行"),
    "first_rows": Text("the first {rows:,} rows only", "仅前 {rows:,} 行"),
    "profiling": Text("profiling", "正在检查"),
    "profiled_at": Text("profiled at {time}", "检查时间 {time}"),
    "modified_at": Text("data as of {time}", "数据时点 {time}"),
    "not_dated": Text("when the data were last changed is not known", "数据最后变更时间未知"),
    "freshness": Text("{dated}; promised: {frequency}", "{dated}；承诺更新频率：{frequency}"),
    "no_values": Text(
        "Counts, shares and shapes only: no value of the register is shown.",
        "仅含计数、占比和形态，不含任何登记数据。",
    ),
    "written": Text("written: {file}", "已写入：{file}"),
    "fields": Text("Fields", "字段"),
    "keys": Text("Keys", "比对键"),
    "checks": Text("Checks", "核验项"),
    "shapes": Text("Shapes", "形态"),
    "reasons": Text("Rejected by reason", "不合规原因"),
    "entropy_chart": Text("How hard a check is to guess", "核验项的猜测难度"),
    "entropy_note": Text(
        "Bits of entropy, and the probability of finding the value within a day's attempts.",
        "熵（比特），以及在每日尝试上限内猜中的概率。",
    ),
    "field": Text("field", "字段"),
    "type": Text("type", "类型"),
    "present": Text("with a value", "有值"),
    "missing": Text("missing", "缺失"),
    "rejected": Text("rejected", "不合规"),
    "distinct": Text("different", "不同值数"),
    "length": Text("length", "长度"),
    "top_share": Text("most frequent", "最高频占比"),
    "key": Text("key", "比对键"),
    "usable": Text("usable rows", "可用行"),
    "unusable": Text("unusable rows", "不可用行"),
    "subjects": Text("subjects", "主体数"),
    "repeating": Text("rows that repeat a subject", "重复主体的行"),
    "most_rows": Text("most rows of one", "单一主体最多行数"),
    "check": Text("check", "核验项"),
    "entropy": Text("entropy (bits)", "熵（比特）"),
    "per_subject": Text("values per subject", "每主体值数"),
    "attempts": Text("attempts a day", "每日尝试上限"),
    "guessed": Text("guessed within a day", "一日内猜中概率"),
    "limit": Text("limit for less than 1 %", "低于 1% 的上限"),
    "met": Text("meets it: {share}", "符合条件：{share}"),
    "FIX": Text("To put right before publishing", "发布前应处理"),
    "KNOW": Text("To know", "提示"),
    "nothing": Text("nothing found", "未发现问题"),
}

FREQUENCIES: Final[Mapping[str, Text]] = {
    "realtime": Text("several times a day", "实时"),
    "daily": Text("daily", "每日"),
    "weekly": Text("weekly", "每周"),
    "monthly": Text("monthly", "每月"),
    "quarterly": Text("quarterly", "每季度"),
    "yearly": Text("yearly", "每年"),
    "irregular": Text("irregular", "不定期"),
}
"""By the value of `update_frequency`."""

FINDINGS: Final[Mapping[Kind, Text]] = {
    Kind.NO_ROWS: Text(
        "the source has no rows that can be read: check path, encoding and delimiter",
        "数据源没有可读取的行：请核对路径、编码和分隔符",
    ),
    Kind.LINES_UNREADABLE: Text(
        "{rows:,} lines cannot be read as rows ({reason}): {remedy}",
        "{rows:,} 行无法读取（{reason}）：{remedy}",
    ),
    Kind.ROWS_WITHOUT_KEY: Text(
        "{rows:,} rows have no usable key and will be left out: put right what is said of the keys' fields",
        "{rows:,} 行没有可用的比对键，建库时将被剔除：请按下列比对键字段的问题处理",
    ),
    Kind.VALUES_REJECTED: Text(
        "{where}: {rows:,} values are refused ({reason}): {remedy}",
        "{where}：{rows:,} 个值不合规（{reason}）：{remedy}",
    ),
    Kind.KEY_VALUES_MISSING: Text(
        "{where}: {rows:,} rows have no value for a field of a key: complete them in the register",
        "{where}：{rows:,} 行缺少比对键字段的值：请在登记系统中补全",
    ),
    Kind.STALE: Text(
        "the data are older than the promised update frequency allows: export them anew",
        "数据已超过承诺的更新周期：请重新导出",
    ),
    Kind.CHECK_GUESSABLE: Text(
        "check {where}: who may ask {attempts} questions about a subject in a day finds its value with "
        "probability {probability}: set attempts_per_subject to {limit} or less",
        "核验项 {where}：每日对同一主体提问 {attempts} 次，猜中其值的概率为 {probability}："
        "请将 attempts_per_subject 设为不超过 {limit}",
    ),
    Kind.CHECK_FEW_VALUES: Text(
        "check {where}: who may ask {attempts} questions about a subject in a day finds its value with "
        "probability {probability}, and no limit keeps that below 1 % ({distinct:,} different values): "
        "combine it with another field, or do not offer it by itself",
        "核验项 {where}：每日对同一主体提问 {attempts} 次，猜中其值的概率为 {probability}，"
        "任何上限都无法使其低于 1%（共 {distinct:,} 个不同值）：请与其他字段合并核验，或不单独提供",
    ),
    Kind.CHECK_VALUES_MISSING: Text(
        "{where}: {rows:,} rows have no value; checks on it are answered UNVERIFIABLE",
        "{where}：{rows:,} 行没有值，相应核验将答复“无法核验”",
    ),
    Kind.SUBJECTS_REPEATED: Text(
        "key {where}: {rows:,} rows repeat a subject; a check matches if any of its rows does",
        "比对键 {where}：{rows:,} 行为重复主体；其任一行一致即判为一致",
    ),
    Kind.CONDITION: Text(
        "check {where} is a condition, true or false by nature: one question tells which ({rows:,} rows), "
        "and no limit on attempts changes that; grant it only to whom the answer may be told",
        "核验项 {where} 是条件，只有“是”或“否”：一次提问即可得知（涉及 {rows:,} 行），尝试上限对此无效；"
        "仅授权给可以获知该结果的部门",
    ),
}
"""`remedy` is that of the reason; attempts are a number or a word."""

UNLIMITED: Final = Text("any number of", "任意")
"""Attempts that are not limited."""

REMEDIES: Final[Mapping[str, Text]] = {
    "FORMAT": Text(
        "not of the declared type; check column, type and options, or correct the values",
        "不符合声明的类型；请核对列、类型和选项，或更正数据",
    ),
    "CHECKSUM": Text(
        "typing errors; correct them in the register", "校验码错误，多为录入错误；请在登记系统中更正"
    ),
    "DATE": Text(
        "days that do not exist or birth years out of range; correct them in the register",
        "日期不存在或出生年份超出范围；请在登记系统中更正",
    ),
    "SPREADSHEET_DAMAGE": Text(
        "a spreadsheet lost digits; export anew with the column as text",
        "电子表格丢失了位数；请将该列设为文本后重新导出",
    ),
    "AMBIGUOUS": Text(
        "names with a separator that can be read in two ways; see the option separator_space",
        "姓名分隔符有歧义；请参见选项 separator_space",
    ),
    "ENCODING": Text(
        "characters that no correct decoding gives; check the encoding", "含有无法正确解码的字符；请核对编码"
    ),
    "RANGE": Text("more digits than declared; check the option scale", "位数超出声明；请核对选项 scale"),
    "TOO_LONG": Text(
        "too long; check the column, and the quotes and line ends of a file",
        "超长；请核对列，以及文件中的引号和换行",
    ),
    "COLUMNS": Text(
        "more or fewer columns than the header; check delimiter and quotes",
        "列数与表头不符；请核对分隔符和引号",
    ),
    "NUL": Text("NUL bytes; export the file anew", "含有空字节；请重新导出"),
    "QUOTING": Text(
        "a quote is not closed or misplaced; export the file anew", "引号未闭合或位置错误；请重新导出"
    ),
}
"""What to do about values that are refused and lines that cannot be read, by reason."""

OTHERWISE: Final = Text("correct them in the source", "请在数据源中更正")
"""The remedy of any other reason."""
