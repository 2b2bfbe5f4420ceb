"""The configuration file, its options, and the files of the data directory."""

from stayput.language import Text

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
KEY_EXPOSED = Text("{path}: other users can read this key", "{path}：其他用户可以读取该密钥")
KEY_EXPOSED_FIX = Text("chmod 600 {path}", "请执行 chmod 600 {path}")
KEY_WRONG = Text("{path}: is not a P-256 key in PEM", "{path}：不是 PEM 格式的 P-256 密钥")
LOG_KEY_WRONG = Text("{path}: is not an Ed25519 key in PEM", "{path}：不是 PEM 格式的 Ed25519 密钥")
