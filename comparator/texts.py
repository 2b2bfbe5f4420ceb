"""Every text that an operator reads, in English and Chinese, and the error that carries one."""

from stayput.errors import Reason, StayputError
from stayput.language import Language, Text
from stayput.v1.errors_pb2 import ErrorReason

ERROR = Text("error: {message}", "错误：{message}")
# What the rules shared with every party say, they say in English; the Chinese text names the field before it.
BAD_INPUT = Text("{message}", "{field} 不合规（{message}）")
HINT = Text("hint: {remedy}", "提示：{remedy}")

CONFIG_MISSING = Text("{file}: there is no such configuration file", "{file}：没有这个配置文件")
CONFIG_MISSING_FIX = Text(
    "run `comparator init`, or name the file by --config or STAYPUT_COMPARATOR_CONFIG",
    "请运行 `comparator init`，或用 --config、STAYPUT_COMPARATOR_CONFIG 指明文件",
)
CONFIG_UNREADABLE = Text("{file}: cannot be read ({why})", "{file}：无法读取（{why}）")
CONFIG_UNREADABLE_FIX = Text("make it readable for this user", "请让当前用户能够读取该文件")
CONFIG_SYNTAX = Text("{file}: not valid TOML: {why}", "{file}：不是合法的 TOML：{why}")
CONFIG_SYNTAX_FIX = Text("correct that line", "请更正该行")
CONFIG_UNKNOWN_KEY = Text(
    "{file}, line {line}: {key} is not a key of this file",
    "{file} 第 {line} 行：{key} 不是本文件的配置项",
)
CONFIG_NEAREST = Text("did you mean {nearest}?", "是否应为 {nearest}？")
CONFIG_KNOWN = Text("known keys: {known}", "可用的配置项：{known}")
CONFIG_WRONG = Text("{file}, line {line}: {key}: {problem}", "{file} 第 {line} 行：{key}：{problem}")
CONFIG_ABSENT = Text("{file}: {key} is missing", "{file}：缺少 {key}")
CONFIG_WRONG_FIX = Text("correct the value of {key}", "请更正 {key} 的值")
CONFIG_ADVERTISE = Text(
    "{file}: {key} is missing, and the listen address is one that nobody can dial",
    "{file}：缺少 {key}，而监听地址不能作为访问地址",
)
CONFIG_ADVERTISE_FIX = Text(
    'set {key} = "HOST:PORT" to what departments and nodes dial',
    '请设置 {key} = "主机:端口"，即各部门和节点访问的地址',
)
OPTION_WRONG = Text("{option}: {problem}", "{option}：{problem}")
OPTION_WRONG_FIX = Text("give HOST:PORT", "请给出 主机:端口")
CANNOT_LISTEN = Text("{key}: cannot listen on {address}", "{key}：无法监听 {address}")
CANNOT_LISTEN_FIX = Text(
    "stop what uses that port, or choose another address",
    "请停止占用该端口的程序，或改用其他地址",
)

EXISTS = Text("{path}: exists already; nothing was changed", "{path}：已经存在，未作任何改动")
EXISTS_FIX = Text("choose another place, or move it away", "请另选位置，或先将其移走")
FILE_MISSING = Text("{path}: is missing or cannot be read", "{path}：不存在或无法读取")
FILE_MISSING_FIX = Text("restore it from the backup of the data directory", "请从数据目录的备份中恢复")
CANNOT_WRITE = Text("{path}: cannot be written ({why})", "{path}：无法写入（{why}）")
CANNOT_WRITE_FIX = Text("choose another place", "请另选位置")
CALENDAR_UNWRITTEN_FIX = Text(
    "run this as the user of the data directory, with room on its disk",
    "请以数据目录的所有者身份运行，并确认磁盘有空间",
)
KEY_EXPOSED = Text("{path}: other users can read this key", "{path}：其他用户可以读取该密钥")
KEY_EXPOSED_FIX = Text("chmod 600 {path}", "请执行 chmod 600 {path}")
KEY_WRONG = Text("{path}: is not a P-256 key in PEM", "{path}：不是 PEM 格式的 P-256 密钥")

SCHEMA_BEHIND = Text(
    "the database is of an older release (or empty)",
    "数据库属于较旧的版本（或者为空）",
)
SCHEMA_BEHIND_FIX = Text("back it up, then run `comparator migrate`", "请先备份，再运行 `comparator migrate`")
SCHEMA_AHEAD = Text("the database was written by a newer release", "数据库由更新的版本写入")
SCHEMA_AHEAD_FIX = Text("run that release or a later one", "请使用该版本或更新的版本")
CALENDAR_ABSENT_FIX = Text(
    "add {key}; a calendar file has year, source, holidays and workdays (a list that may be empty)",
    "请补上 {key}；日历文件须有 year、source、holidays 和 workdays（workdays 可为空列表）",
)
CALENDAR_YEAR = Text(
    "{file}, line {line}: {key}: must be a whole number, 2000 to 2999",
    "{file} 第 {line} 行：{key}：应为 2000 至 2999 的整数",
)
CALENDAR_YEAR_FIX = Text("write year = 2027, without quotes", "请写作 year = 2027，不加引号")
CALENDAR_SOURCE = Text(
    "{file}, line {line}: {key}: must be a text of 1 to {most} characters",
    "{file} 第 {line} 行：{key}：应为 1 至 {most} 个字符的文字",
)
CALENDAR_SOURCE_FIX = Text(
    "name the notice of the State Council and its number", "请写明国务院办公厅的通知名称和文号"
)
CALENDAR_LIST = Text(
    "{file}, line {line}: {key}: must be a list of dates", "{file} 第 {line} 行：{key}：应为日期的列表"
)
CALENDAR_DATE = Text(
    "{file}, line {line}: {key}: holds something that is not a date",
    "{file} 第 {line} 行：{key}：含有不是日期的内容",
)
CALENDAR_DATE_FIX = Text(
    "write {key} = [2027-01-01, 2027-01-02], without quotes and without times",
    "请写作 {key} = [2027-01-01, 2027-01-02]，不加引号，不写时刻",
)
CALENDAR_OTHER_YEAR = Text(
    "{file}, line {line}: {key}: holds a date of another year",
    "{file} 第 {line} 行：{key}：含有其他年份的日期",
)
CALENDAR_OTHER_YEAR_FIX = Text(
    "put it into the file of its own year, and load that one too",
    "请将其写入所属年份的文件，并一并载入",
)
CALENDAR_TWICE = Text(
    "{file}, line {line}: {key}: holds a date that was named before",
    "{file} 第 {line} 行：{key}：含有前面已列出的日期",
)
CALENDAR_TWICE_FIX = Text(
    "name each date once, as a holiday or as a make-up day",
    "每个日期只列一次：要么放假，要么上班",
)
CALENDAR_NO_HOLIDAY = Text(
    "{file}, line {line}: {key}: names no day", "{file} 第 {line} 行：{key}：没有列出任何日期"
)
CALENDAR_NO_HOLIDAY_FIX = Text(
    "list every day off that the notice names; without a file the year stays provisional",
    "请列出通知中的全部放假日期；尚无通知时不要载入，该年按暂定日历计算",
)
CALENDAR_NO_WEEKEND = Text(
    "{file}, line {line}: {key}: holds a day that is neither a Saturday nor a Sunday",
    "{file} 第 {line} 行：{key}：含有不是周六、周日的日期",
)
CALENDAR_NO_WEEKEND_FIX = Text(
    "compare it with the notice; a make-up day lies on a weekend, other working days are not listed",
    "请与通知核对；调休上班日都在周末，其他工作日无需列出",
)
CALENDAR_NAME = Text("{file}: describes another year than it is named for", "{file}：内容的年份与文件名不符")
CALENDAR_NAME_FIX = Text(
    "take it away, and load it by `comparator calendar load`",
    "请移走该文件，再用 `comparator calendar load` 载入",
)

DATABASE_FULL = Text(
    "the disk or the database is full; nothing was stored", "磁盘或数据库已满，未保存任何内容"
)
DATABASE_FULL_FIX = Text("make room, then try again", "请腾出空间后重试")
DATABASE_UNREACHABLE = Text("the database cannot be opened", "无法打开数据库")
DATABASE_UNREACHABLE_FIX = Text(
    "see that `data` and `database` in the configuration are right",
    "请检查配置中的 `data` 和 `database`",
)
SERVER_UNREACHABLE = Text(
    "database: PostgreSQL cannot be reached, or does not let this role in",
    "database：无法连接 PostgreSQL，或其拒绝该角色登录",
)
SERVER_UNREACHABLE_FIX = Text(
    "see that the server runs, that host, role and database are right, that PGPASSWORD or PGPASSFILE gives "
    "the password, and that sslrootcert names the CA of the server's certificate; its log says which",
    "请确认服务器正在运行，主机、角色和数据库名正确，PGPASSWORD 或 PGPASSFILE 提供了密码，"
    "sslrootcert 指向服务器证书的 CA；具体原因见服务器日志",
)
DATABASE_FORBIDDEN = Text(
    "database: its role lacks a right that it needs", "database：数据库角色缺少必要的权限"
)
DATABASE_FORBIDDEN_FIX = Text("make the role the owner of the database", "请将该角色设为数据库的所有者")
DATABASE_ENCODING = Text("database: its encoding is not UTF8", "database：数据库编码不是 UTF8")
DATABASE_ENCODING_FIX = Text(
    "create it anew: createdb --encoding=UTF8 --template=template0",
    "请重新建库：createdb --encoding=UTF8 --template=template0",
)
DRIVER_MISSING = Text(
    "database: the driver for PostgreSQL is not installed", "database：未安装 PostgreSQL 驱动"
)
DRIVER_MISSING_FIX = Text(
    "pip install 'stayput[comparator,postgresql]'", "请执行 pip install 'stayput[comparator,postgresql]'"
)
NOT_RUNNING = Text(
    "the address of the enrolment listener is not known: the service is not running",
    "登记监听地址未知：服务没有运行",
)
NOT_RUNNING_FIX = Text(
    "start `comparator serve`, or set enrolment_advertise",
    "请启动 `comparator serve`，或设置 enrolment_advertise",
)
NO_DEPARTMENT = Text("department: no department of this code was invited", "部门：没有邀请过该代码的部门")
NO_DEPARTMENT_FIX = Text(
    "run `comparator invite department` first", "请先运行 `comparator invite department`"
)
OTHER_DEPARTMENT = Text(
    "node: this id belongs to another department's node", "节点：该标识属于其他部门的节点"
)
OTHER_DEPARTMENT_FIX = Text("choose another id", "请另选标识")

CREATED = Text("created {path}", "已创建 {path}")
MIGRATED = Text("the database is up to date ({revision})", "数据库已是最新（{revision}）")
INVITED = Text(
    "wrote {path}; valid until {until}; hand it over by a safe way, it is a secret until used",
    "已写入 {path}，有效期至 {until}；使用前属于机密，请以安全方式转交",
)
CALENDAR_LOADED = Text(
    "calendar of {year} loaded: {holidays} days off, {workdays} make-up days; in effect at once ({path})",
    "已载入 {year} 年日历：放假 {holidays} 天，调休上班 {workdays} 天；立即生效（{path}）",
)
CALENDAR_PROVISIONAL = Text(
    "the calendar of {year} has not been loaded: provisional, weekends only",
    "{year} 年日历尚未载入：按暂定日历计算，仅周末休息",
)

DEPARTMENTS = Text("Departments and nodes", "部门与节点")
RESOURCES = Text("Resources", "比对资源")
APPLICATIONS = Text("Applications", "申请")
OVERDUE = Text("Applications past their date", "逾期未决定的申请")
CALENDARS = Text("Calendars", "工作日历")
CALENDAR = Text("Calendar of {year}", "{year} 年工作日历")
RECEIPTS = Text("Receipts", "回执")
STATUS = Text("Comparator", "比对平台")
COL_CODE = Text("code", "代码")
COL_KIND = Text("kind", "类别")
COL_DEPARTMENT = Text("department", "部门")
COL_TITLE = Text("title", "名称")
COL_STATE = Text("state", "状态")
COL_UNTIL = Text("certificate until", "证书有效期至")
COL_PROVIDER = Text("provider", "提供部门")
COL_NODE = Text("node", "节点")
COL_SHARING = Text("sharing", "共享类型")
COL_AS_OF = Text("as of", "数据时间")
COL_STALE = Text("stale", "逾期未更新")
COL_ID = Text("id", "编号")
COL_CONSUMER = Text("consumer", "使用部门")
COL_RESOURCE = Text("resource", "资源")
COL_KEY = Text("key", "比对键")
COL_CHECKS = Text("checks", "核验项")
COL_SUBMITTED = Text("submitted", "提交时间")
COL_DUE = Text("due", "应决定日期")
COL_DAYS_LEFT = Text("working days left", "剩余工作日")
COL_DAYS_OVER = Text("working days over", "逾期工作日")
COL_OVERDUE = Text("overdue", "逾期")
COL_CONSEQUENCE = Text("consequence", "效力")
COL_YEAR = Text("year", "年份")
COL_SOURCE = Text("source", "依据")
COL_HOLIDAYS = Text("days off", "放假天数")
COL_WORKDAYS = Text("make-up days", "调休上班天数")
COL_ORIGIN = Text("origin", "来源")
COL_DATE = Text("date", "日期")
COL_DAY = Text("day", "安排")
COL_SEQUENCE = Text("no.", "序号")
COL_RECORDS = Text("records", "记录数")
COL_END = Text("end", "结束方式")
COL_FINISHED = Text("finished", "完成时间")
COL_ITEM = Text("item", "项目")
COL_VALUE = Text("value", "值")

KIND_DEPARTMENT = Text("department", "部门")
KIND_NODE = Text("node", "节点")
STATE_INVITED = Text("invited", "已邀请")
STATE_ENROLLED = Text("enrolled", "已登记")
STATE_SUBMITTED = Text("submitted", "待决定")
STATE_GRANTED = Text("granted", "已授权")
STATE_REFUSED = Text("refused", "已拒绝")
SHARING_UNCONDITIONAL = Text("unconditional", "无条件共享")
SHARING_CONDITIONAL = Text("conditional", "有条件共享")
SHARING_NOT_SHARED = Text("not shared", "不予共享")
END_COMPLETE = Text("complete", "完整")
END_CUT_BY_CONSUMER = Text("cut by consumer", "使用方中断")
END_CUT_BY_NODE = Text("cut by node", "节点中断")
END_NODE_CRASHED = Text("node crashed", "节点崩溃")
DUE_PROVISIONAL = Text("{due} (provisional)", "{due}（暂定）")
OVERDUE_PROVISIONAL = Text("yes, of no consequence", "是，不产生后果")
COUNTS = Text("counts", "计入")
NO_CONSEQUENCE = Text("none: rests on a provisional calendar", "无：依据的日历为暂定")
NO_CALENDAR = Text("provisional: weekends only", "暂定：仅周末休息")
ORIGIN_RELEASE = Text("this release", "随版本发布")
ORIGIN_LOADED = Text("loaded", "已载入")
DAY_OFF = Text("day off", "放假")
DAY_WORKED = Text("make-up working day", "调休上班")
YES = Text("yes", "是")
NO = Text("no", "否")
ITEM_CONFIG = Text("configuration", "配置文件")
ITEM_DATA = Text("data directory", "数据目录")
ITEM_PID = Text("process (if running)", "进程号（运行中）")
ITEM_MAIN = Text("main address", "主监听地址")
ITEM_ENROLMENT = Text("enrolment address", "登记监听地址")
ITEM_REVISION = Text("database revision", "数据库版本")
ITEM_CA_UNTIL = Text("CA certificate until", "CA 证书有效期至")
ITEM_SERVER_UNTIL = Text("server certificate until", "服务器证书有效期至")


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
