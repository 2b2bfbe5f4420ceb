"""What the `provider-node` command says, in English and Chinese."""

from stayput.language import Text

TEXTS: dict[str, Text] = {
    "initialised": Text(
        "node {node} initialised in {directory}; next: provider-node enrol INVITATION",
        "节点 {node} 已在 {directory} 初始化；下一步：provider-node enrol 邀请文件",
    ),
    "enrolled": Text(
        "node {node} of department {department} enrolled", "部门 {department} 的节点 {node} 已登记"
    ),
    "built": Text(
        "{resource}: generation {generation}, {rows:,} rows, {subjects:,} subjects, {seconds:.1f} s",
        "{resource}：数据版本 {generation}，{rows:,} 行，{subjects:,} 个主体，用时 {seconds:.1f} 秒",
    ),
    "rejected": Text("left out: {field} {reason}: {count:,}", "剔除：{field} {reason}：{count:,}"),
    "published": Text("{resource} is in the catalogue", "{resource} 已发布到目录"),
    "approved": Text(
        "application {application} granted: {grant} for {consumer} on {resource}, valid until {until}",
        "申请 {application} 已批准：授权 {grant}，使用部门 {consumer}，资源 {resource}，有效期至 {until}",
    ),
    "refused": Text("application {application} refused", "申请 {application} 已拒绝"),
    "building": Text("building", "正在建库"),
    "rows": Text("rows", "行"),
    "not_running": Text("the node is not running", "节点未运行"),
    "running": Text("running at {address} since {since}", "运行于 {address}，自 {since}"),
    "receipts": Text(
        "{receipts} receipts, {waiting} not delivered; {open} sessions open",
        "回执 {receipts} 份，未送达 {waiting} 份；进行中的会话 {open} 个",
    ),
    "waiting_since": Text("the oldest waits since {since}", "最早一份自 {since} 起等待送达"),
    "resource": Text("resource", "资源"),
    "state": Text("state", "状态"),
    "serving": Text("serving", "可比对"),
    "not_serving": Text("not serving", "不可比对"),
    "in_catalogue": Text("published", "已发布"),
    "generation": Text("generation", "数据版本"),
    "as_of": Text("data as of", "数据时点"),
    "subjects": Text("subjects", "主体数"),
    "left_out": Text("left out", "剔除"),
    "application": Text("application", "申请"),
    "consumer": Text("consumer", "使用部门"),
    "key": Text("key", "比对键"),
    "checks": Text("checks", "核验项"),
    "purpose": Text("purpose", "用途"),
    "grant": Text("grant", "授权"),
    "until": Text("valid until", "有效期至"),
    "per_day": Text("records a day", "每日条数"),
    "yes": Text("yes", "是"),
    "no": Text("no", "否"),
    "submitted": Text("submitted", "待办"),
    "granted": Text("granted", "已批准"),
    "refused_state": Text("refused", "已拒绝"),
}
