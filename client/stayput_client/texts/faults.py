"""Failures found on the consumer's side: what is wrong (`fault.`) and what to do (`remedy.`)."""

from collections.abc import Mapping
from typing import Final

FAULTS: Final[Mapping[str, tuple[str, str]]] = {
    "fault.not_enrolled": (
        "there is no identity in {home}",
        "{home} 中没有身份证书",
    ),
    "remedy.not_enrolled": (
        "enrol first: stayput enrol INVITATION_FILE; or give the right directory by --home or STAYPUT_HOME",
        "请先入网：stayput enrol 邀请文件；或用 --home 或 STAYPUT_HOME 指定正确的目录",
    ),
    "fault.enrolled_already": (
        "there is an identity in {home} already",
        "{home} 中已有身份证书",
    ),
    "remedy.enrolled_already": (
        "add --renew to replace it once the new one is there",
        "如需更换，请加 --renew；新证书到位后才替换旧证书",
    ),
    "fault.invited_node": (
        "the invitation is for a node, not for a department",
        "该邀请面向数据服务节点，不是面向部门",
    ),
    "remedy.invited_node": (
        "use it with the provider-node command",
        "请用 provider-node 命令入网",
    ),
    "fault.damaged": (
        "{file} is damaged",
        "{file} 已损坏",
    ),
    "remedy.damaged": (
        "correct it or restore it from a copy; an identity can be replaced by: stayput enrol --renew",
        "请更正，或从备份恢复；身份证书可用 stayput enrol --renew 更换",
    ),
    "fault.setting": (
        "{file}: {field} is no setting, or not text",
        "{file}：{field} 不是可用的设置，或不是文本",
    ),
    "remedy.setting": (
        'the settings are: operator = "…" and purpose = "…"',
        '可用的设置只有 operator = "…" 和 purpose = "…"',
    ),
    "fault.pinned_key": (
        "the signing key of node {node} is not the one pinned at first use",
        "节点 {node} 的签名公钥与首次使用时记录的不同",
    ),
    "remedy.pinned_key": (
        (
            "nothing was sent. Ask the provider by telephone whether its node has a new signing key; "
            "if so, remove the line of {node} from {file} and run again"
        ),
        (
            "未发送任何数据。请电话向提供部门核实其节点是否更换了签名密钥；"
            "如属实，请从 {file} 中删除 {node} 一行后重新运行"
        ),
    ),
    "fault.keys_not_published": (
        "{field}: the node's keys of the oblivious mode are not those that the catalogue shows",
        "{field}：节点匿踪比对的公钥与目录中公布的不同",
    ),
    "remedy.keys_not_published": (
        (
            "nothing was asked. If the provider has built a new generation just now, run again in a minute; "
            "if it lasts, tell the provider and the platform: a node that uses other keys for one department "
            "than for all could recognise its questions"
        ),
        (
            "未进行比对。若提供部门刚刚更新了数据版本，请一分钟后重新运行；若持续如此，请通知提供部门和平台："
            "节点若对某一部门使用与公布的不同的密钥，就有可能辨认其查询"
        ),
    ),
    "fault.value_unknown": (
        "{field}: the platform uses a value that this release does not know",
        "{field}：平台使用了本版本不认识的取值",
    ),
    "remedy.value_unknown": (
        "install a newer release",
        "请安装新版本",
    ),
    "fault.malformed": (
        "{field}: the other party left it out, or gave something that cannot be right",
        "{field}：对方未提供，或提供的内容不合规",
    ),
    "remedy.malformed": (
        "nothing of this answer was used; tell the platform's operator and the provider",
        "未采用对方的该次应答；请通知平台运营方和提供部门",
    ),
    "fault.standing_of_another": (
        "the platform states of another grant than this one whether it may be used",
        "平台所述的授权状态属于另一项授权",
    ),
    "remedy.standing_of_another": (
        "nothing of this answer was used; tell the platform's operator",
        "未采用对方的该次应答；请通知平台运营方",
    ),
    "fault.no_grant": (
        "no active grant of this department covers the request in mode {mode}, granularity {granularity}",
        "本部门没有可用于此项比对（方式 {mode}，粒度 {granularity}）的有效授权",
    ),
    "remedy.no_grant": (
        (
            "see what there is by: stayput grants; or apply: "
            "stayput apply {wanted} --purpose … --legal-basis … --matter …"
        ),
        (
            "可用 stayput grants 查看已有授权；或提出申请："
            "stayput apply {wanted} --purpose … --legal-basis … --matter …"
        ),
    ),
    "fault.several_grants": (
        "several active grants cover the request: {ids}",
        "有多个有效授权可用于此项比对：{ids}",
    ),
    "remedy.several_grants": (
        "name the one to use: --grant ID",
        "请用 --grant 指定其中一个",
    ),
    "fault.grant_not_held": (
        "this department has no grant of that id for this resource",
        "本部门没有该编号的授权，或该授权不属于此资源",
    ),
    "remedy.grant_not_held": (
        "see the ids by: stayput grants",
        "请用 stayput grants 查看授权编号",
    ),
    "fault.grant_unverified": (
        "the grant is not signed by the provider's node",
        "该授权不是由提供部门的节点签名的",
    ),
    "remedy.grant_unverified": (
        "tell the provider and the platform",
        "请通知提供部门和平台",
    ),
    "fault.grant_scope": (
        (
            "the grant does not cover this resource, key or checks, or not in mode {mode}, granularity "
            "{granularity}"
        ),
        "该授权不包括此资源、主键或核验项，或不允许此比对方式（{mode}）、粒度（{granularity}）",
    ),
    "remedy.grant_scope": (
        (
            "see what it covers by: stayput grants; or apply for it: "
            "stayput apply {wanted} --purpose … --legal-basis … --matter …"
        ),
        (
            "请用 stayput grants 查看授权范围；或提出申请："
            "stayput apply {wanted} --purpose … --legal-basis … --matter …"
        ),
    ),
    "fault.not_offered": (
        "{field}: the resource does not offer {wanted}; it offers: {offered}",
        "{field}：该资源不提供 {wanted}；可用的有：{offered}",
    ),
    "remedy.not_offered": (
        "see what it offers by: stayput describe; or ask the provider to offer it",
        "可用 stayput describe 查看；或请提供部门开放",
    ),
    "fault.operator_missing": (
        "operator: not given; it says which civil servant asks",
        "未指明经办人（operator）",
    ),
    "remedy.operator_missing": (
        'give --operator, or set operator = "…" in config.toml',
        '请用 --operator 指明，或在 config.toml 中设置 operator = "…"',
    ),
    "fault.column_missing": (
        "field {field} ({title}): the list has no column of that name; its columns: {columns}",
        "字段 {field}（{title}）：名单中没有同名的列；名单的列有：{columns}",
    ),
    "remedy.column_missing": (
        "say which column holds it: --column {field}=COLUMN",
        "请指明对应的列：--column {field}=列名",
    ),
    "fault.column_given_missing": (
        "field {field}: the list has no column {column}; its columns: {columns}",
        "字段 {field}：名单中没有列 {column}；名单的列有：{columns}",
    ),
    "remedy.column_given_missing": (
        "correct --column",
        "请更正 --column",
    ),
    "fault.column_ambiguous": (
        "field {field}: several columns could hold it: {columns}",
        "字段 {field}：有多列与之对应：{columns}",
    ),
    "remedy.column_ambiguous": (
        "say which column holds it: --column {field}=COLUMN",
        "请指明对应的列：--column {field}=列名",
    ),
    "fault.column_shared": (
        "fields {field} and {other} would both be read from column {column}",
        "字段 {field} 与 {other} 对应到同一列 {column}",
    ),
    "remedy.column_shared": (
        "say which columns hold them by --column",
        "请用 --column 分别指明对应的列",
    ),
    "fault.column_field_unknown": (
        "--column names {field}, which this comparison does not use; its fields: {known}",
        "--column 中的 {field} 不是此项比对使用的字段；使用的字段有：{known}",
    ),
    "remedy.column_field_unknown": (
        "correct --column, or see the fields by: stayput describe",
        "请更正 --column；可用 stayput describe 查看字段",
    ),
    "fault.proof_receipt": (
        "the receipt file does not hold what opens this receipt",
        "回执文件中没有用于打开该回执的内容",
    ),
    "remedy.proof_receipt": (
        "use the file that was written beside the output",
        "请使用当时写在输出文件旁的回执文件",
    ),
    "fault.proof_list": (
        "this list is not what was asked",
        "当时所问的不是该名单",
    ),
    "remedy.proof_list": (
        "use the list as it was, with the same --column, --encoding and --delimiter",
        "请使用当时的名单，并给出相同的 --column、--encoding 和 --delimiter",
    ),
    "fault.proof_output": (
        "this output is not what was told of the list",
        "该输出文件不是当时对该名单的答复",
    ),
    "remedy.proof_output": (
        "use the output as it was written; a spreadsheet program may change it on saving",
        "请使用当时写出的输出文件；电子表格软件保存时可能改动内容",
    ),
    "fault.column_collision": (
        "the list has a column {field} already, which the output adds",
        "名单中已有名为 {field} 的列，与输出列重名",
    ),
    "remedy.column_collision": (
        "rename or remove that column of the list",
        "请修改或删除名单中的该列",
    ),
    "fault.out_exists": (
        "{file} exists",
        "{file} 已存在",
    ),
    "remedy.out_exists": (
        "choose another output, or add --force to overwrite it",
        "请另选输出文件，或加 --force 覆盖",
    ),
    "fault.out_directory": (
        "there is no directory {file} for the output",
        "输出目录 {file} 不存在",
    ),
    "remedy.out_directory": (
        "make it, or choose another output",
        "请先建立该目录，或另选输出文件",
    ),
    "fault.out_is_list": (
        "the output would overwrite the list",
        "输出文件与名单是同一个文件",
    ),
    "remedy.out_is_list": (
        "choose another output",
        "请另选输出文件",
    ),
}
