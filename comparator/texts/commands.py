"""What commands say beside their tables, and why they refuse."""

from stayput.language import Text

ERROR = Text("error: {message}", "错误：{message}")
# What the rules shared with every party say, they say in English; the Chinese text names the field before it.
BAD_INPUT = Text("{message}", "{field} 不合规（{message}）")
HINT = Text("hint: {remedy}", "提示：{remedy}")
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
NO_PROVIDER = Text("department: is not enrolled as provider", "部门：不具有 provider 角色")
NO_PROVIDER_FIX = Text(
    "run `comparator roles CODE --role provider` (and --role for each other role) first",
    "请先运行 `comparator roles CODE --role provider`（其他角色也逐一用 --role 写明）",
)
NO_ROLE = Text("role: none is given", "角色：没有给出")
NO_ROLE_FIX = Text("give --role once for each role", "请为每个角色各写一次 --role")
AUDITOR_ALONE = Text(
    "role: an auditor can have no other role: it would audit itself",
    "角色：auditor 不能兼任其他角色，否则就是自己审计自己",
)
AUDITOR_ALONE_FIX = Text("invite the auditors as a department of their own", "请将审计方作为单独的部门邀请")
ROLES_SET = Text(
    "{code} is now {roles}; in force from its next call on", "{code} 现为 {roles}，自其下一次调用起生效"
)
STANDING_SET = Text(
    "{grant}: the platform says {platform}, the provider {provider}",
    "{grant}：平台为{platform}，提供部门为{provider}",
)
NO_EVENT_TYPE = Text("type: there is no event of this type", "类型：没有这种事件")
NO_EVENT_TYPE_FIX = Text("known types: {known}", "可用的类型：{known}")
