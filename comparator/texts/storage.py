"""The database."""

from stayput.language import Text

SCHEMA_BEHIND = Text(
    "the database is of an older release (or empty)",
    "数据库属于较旧的版本（或者为空）",
)
SCHEMA_BEHIND_FIX = Text("back it up, then run `comparator migrate`", "请先备份，再运行 `comparator migrate`")
SCHEMA_AHEAD = Text("the database was written by a newer release", "数据库由更新的版本写入")
SCHEMA_AHEAD_FIX = Text("run that release or a later one", "请使用该版本或更新的版本")
DATABASE_TAKEN = Text(
    "database: it holds a comparator's tables already; nothing was changed",
    "database：其中已有比对平台的数据表，未作任何改动",
)
DATABASE_TAKEN_FIX = Text(
    "name an empty database; for a store that is in use, set `database` in its own configuration",
    "请指定一个空数据库；若要使用已有的存储，请在其原有配置中设置 `database`",
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
