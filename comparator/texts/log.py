"""The log: holds, archives, removal, and what is wrong with it."""

from stayput.language import Text

HOLD_RANGE = Text(
    "the log has entries 0 to {last}, and --last must not lie before --first",
    "日志现有条目 0 至 {last}，且 --last 不得小于 --first",
)
HOLD_RANGE_FIX = Text(
    "find the places by `comparator log search`", "请用 `comparator log search` 查找条目位置"
)
NO_HOLD = Text("there is no hold of this number, or it was lifted", "没有该编号的保全，或已解除")
NO_HOLD_FIX = Text("list them by `comparator log holds`", "请用 `comparator log holds` 列出")
NOTHING_TO_REMOVE = Text(
    "nothing is left to remove there; nothing was changed", "该范围内没有可清除的内容，未作任何改动"
)
NOTHING_TO_REMOVE_FIX = Text(
    "see by `comparator log status` through where the log was removed",
    "请用 `comparator log status` 查看已清除到何处",
)
NOT_ARCHIVED = Text(
    "not archived: only entries before place {archived} are in an archive; nothing was removed",
    "尚未归档：只有位置 {archived} 之前的条目已归档，未清除任何内容",
)
NOT_ARCHIVED_FIX = Text(
    "run `comparator log archive` first, or name an earlier date",
    "请先运行 `comparator log archive`，或给出更早的日期",
)
TOO_EARLY = Text(
    "too early: some of these entries are younger than the {days} days of retention; nothing was removed",
    "为时过早：其中有条目未满 {days} 天的保存期限，未清除任何内容",
)
TOO_EARLY_FIX = Text("name an earlier date", "请给出更早的日期")
HELD = Text(
    "held: hold {number} covers entries {first} to {last}; nothing was removed",
    "已保全：第 {number} 号保全涉及条目 {first} 至 {last}，未清除任何内容",
)
HELD_FIX = Text(
    "lift it by `comparator log release`, or remove around it with --before and --first",
    "请用 `comparator log release` 解除，或用 --before 和 --first 绕开",
)
ENTRY_CHANGED = Text(
    "entry {place} is not what was logged; nothing was removed", "条目 {place} 与记入时不符，未清除任何内容"
)
ENTRY_CHANGED_FIX = Text("run `comparator log check`", "请运行 `comparator log check`")
ARCHIVE_RANGE = Text(
    "there is nothing to archive: the next archive begins at place {first}, the log has {size} entries",
    "没有可归档的内容：下一份归档从位置 {first} 开始，日志共有 {size} 条",
)
ARCHIVE_RANGE_FIX = Text(
    "name a place above the first and not above the second, or a date between",
    "请给出大于前者且不大于后者的位置，或其间的日期",
)
ENTRIES_MISSING = Text(
    "entries of this range are missing, or their content is; there is no archive",
    "该范围内有条目或其内容缺失，未生成归档",
)
ENTRIES_MISSING_FIX = Text("run `comparator log check`", "请运行 `comparator log check`")
ONE_END = Text("give either --until or --before", "--until 与 --before 必须且只能给出一个")
ONE_END_FIX = Text(
    "--until takes a place, --before a date such as 2026-01-31",
    "--until 为位置，--before 为日期，如 2026-01-31",
)
NO_DATE = Text("{option}: is not a date", "{option}：不是日期")
NO_DATE_FIX = Text("write it as 2026-01-31", "请写作 2026-01-31")
LOG_BROKEN = Text(
    "the log is not what was logged: problems found: {count}", "日志与记入时不符：发现问题 {count} 处"
)
LOG_BROKEN_FIX = Text(
    "keep the database as it is, and tell the auditor and the witnesses",
    "请保持数据库原状，并告知审计方和见证方",
)
ARCHIVED = Text(
    "wrote entries {first} to {last} to {path}; SHA-256 {digest}",
    "已将条目 {first} 至 {last} 写入 {path}，SHA-256 为 {digest}",
)
REMOVED = Text(
    "removed the content of entries {first} to {last}, which are in the archive with SHA-256 {digest}",
    "已清除条目 {first} 至 {last} 的内容，其归档的 SHA-256 为 {digest}",
)
HOLD_PLACED = Text("hold {number} on entries {first} to {last}", "第 {number} 号保全：条目 {first} 至 {last}")
HOLD_LIFTED = Text("hold {number} is lifted", "第 {number} 号保全已解除")
LOG_INTACT = Text("{count} entries checked: nothing is wrong", "已检查 {count} 条：没有发现问题")
MORE_PAGES = Text("there are more; go on with --after {token}", "还有更多，请用 --after {token} 继续")

LOG = Text("The log", "比对日志")
LOG_ENTRIES = Text("Log entries", "日志条目")
LOG_PROBLEMS = Text("What is wrong with the log", "日志存在的问题")
HOLDS = Text("Legal holds", "保全")
ITEM_SIZE = Text("entries", "条目数")
ITEM_ROOT = Text("root", "树根")
ITEM_CHECKPOINT = Text("newest checkpoint", "最新检查点")
ITEM_COSIGNED = Text("cosigned by {witness}", "{witness} 联署")
COSIGNED_AT = Text("{size} entries, {days} days ago", "{size} 条，{days} 天前")
ITEM_RETENTION = Text("retention (days)", "保存期限（天）")
ITEM_HOLDS = Text("holds in force", "有效保全数")
ITEM_ARCHIVED = Text("archived before place", "已归档至（不含）")
ITEM_REMOVED = Text("removed before place", "已清除至（不含）")
COL_PLACE = Text("place", "位置")
COL_FAULT = Text("what is wrong", "问题")
COL_FIRST = Text("first", "起")
COL_LAST = Text("last", "止")
COL_PLACED = Text("placed", "保全时间")
COL_LIFTED = Text("lifted", "解除时间")
COL_WHAT = Text("what", "内容")
COL_OPERATOR = Text("operator", "操作人")
COL_CASE = Text("case number", "案件编号")
COL_FOUND = Text("found", "查到数")
RECEIPT = Text("receipt", "回执")
CONTENT_REMOVED = Text("{what} (content removed)", "{what}（内容已清除）")

FAULT_MISSING = Text("the leaf is missing", "缺少叶子")
FAULT_LEAF = Text("the leaf is not what was hashed", "叶子与其哈希不符")
FAULT_CONTENT = Text("salt and payload are not what the leaf commits to", "盐和内容与叶子的承诺不符")
FAULT_COLUMNS = Text(
    "what searches go by, or the list of events, contradicts the entry",
    "检索所依据的字段或事件列表与条目矛盾",
)
FAULT_TIME = Text("logged before its predecessor, or in the future", "记入时间早于前一条，或晚于现在")
FAULT_REMOVED = Text(
    "removed early, or without a logged removal, or while held", "提前清除、没有清除记录，或在保全期间清除"
)
FAULT_SUBTREE = Text("a subtree from here is not what is stored", "自此处起的子树与存储不符")
FAULT_CHECKPOINT = Text("the cosigned checkpoint of this size has another root", "该大小的联署检查点树根不同")
