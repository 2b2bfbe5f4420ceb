"""What is said of the log, of evidence and of witnesses."""

from collections.abc import Mapping
from typing import Final

_KEEP: Final = (
    "do not rely on it; keep it, and tell the auditor and the platform's operator",
    "请勿采信；请妥善保存，并通知审计部门和平台运营方",
)
_ASK_AGAIN: Final = (
    (
        "ask the platform for it again: stayput audit show {place}; if its content is still not "
        "shown, tell the auditor and the platform's operator"
    ),
    "请再次向平台获取：stayput audit show {place}；如内容仍未出示，请通知审计部门和平台运营方",
)

EVIDENCE: Final[Mapping[str, tuple[str, str]]] = {
    # Events, by their types; and how sessions end.
    "event.PARTY_ENROLLED": ("party enrolled", "入网"),
    "event.ROLES_CHANGED": ("roles changed", "角色变更"),
    "event.RESOURCE_PUBLISHED": ("resource published", "资源发布"),
    "event.APPLICATION_SUBMITTED": ("application submitted", "申请提交"),
    "event.APPLICATION_ACCEPTED": ("application accepted", "申请受理"),
    "event.APPLICATION_GRANTED": ("application granted", "申请获准"),
    "event.APPLICATION_REFUSED": ("application refused", "申请被拒绝"),
    "event.APPLICATION_WITHDRAWN": ("application withdrawn", "申请撤回"),
    "event.APPLICATION_EXPIRED": ("application expired", "申请失效"),
    "event.DECISION_REMINDER": ("reminded of a decision", "处理提醒"),
    "event.DECISION_ESCALATED": ("decision overdue", "处理逾期上报"),
    "event.GRANT_AMENDED": ("grant amended", "授权变更"),
    "event.GRANT_SUSPENDED": ("grant suspended", "授权暂停"),
    "event.GRANT_RESUMED": ("grant resumed", "授权恢复"),
    "event.GRANT_REVOKED": ("grant revoked", "授权撤销"),
    "event.GRANT_LIMIT_TRIPPED": ("grant stopped by the node's guards", "授权因防护规则暂停"),
    "event.LOG_SEARCHED": ("log searched by an auditor", "审计查询日志"),
    "event.LOG_ARCHIVED": ("log archived", "日志归档"),
    "event.LOG_REMOVED": ("archived payloads removed", "归档后清除内容"),
    "event.LOG_HELD": ("legal hold placed or lifted", "法定留存的设置或解除"),
    "event.CHAIN_BROKEN": ("gap or fork in a node's receipts", "节点回执缺号或分叉"),
    "event.GENERATION_BUILT": ("new generation serves", "数据版本更新"),
    "event.KEYS_CHANGED": ("keys changed", "密钥变更"),
    "end.COMPLETE": ("complete", "完整"),
    "end.CUT_BY_CONSUMER": ("cut short by the consumer", "使用部门中断"),
    "end.CUT_BY_NODE": ("cut short by the node", "节点中断"),
    "end.NODE_CRASHED": ("the node crashed", "节点异常停止"),
    # verify, audit, witness, trust
    "column.place": ("Place", "序号"),
    "column.logged": ("Logged", "入账时间"),
    "column.what": ("What", "事项"),
    "column.consumer": ("Consumer", "使用部门"),
    "column.operator": ("Operator", "经办人"),
    "column.case_number": ("Case number", "案件编号"),
    "column.records": ("Records", "条数"),
    "column.found": ("Found", "库中有"),
    "column.end": ("End", "结束方式"),
    "column.trusted": ("Trusted", "信任对象"),
    "column.name": ("Name", "名称"),
    "column.public_key": ("Key", "公钥"),
    "audit.receipt": ("comparison", "比对"),
    "audit.removed": ("{what} (content not shown)", "{what}（内容未出示）"),
    "audit.more": (
        "the first {count} are shown; more by: --limit",
        "只显示前 {count} 条；用 --limit 查看更多",
    ),
    "audit.exported": ("{path}: verified and written", "{path}：已验证并写出"),
    "audit.verified": ("entry {place}: verified", "条目 {place}：已验证"),
    "audit.no_content": (
        ("entry {place}: proven to be in the log's tree; its content was not shown (removed or withheld)"),
        "条目 {place}：已证明在日志的树中；内容未出示（已清除或被隐去）",
    ),
    "tail.receipt": (
        "{place}  {at}  {what}: {consumer} → {resource}, {records} records, {end}, node {node}",
        "{place}  {at}  {what}：{consumer} → {resource}，{records} 条，{end}，节点 {node}",
    ),
    "tail.event": (
        "{place}  {at}  event, {what}: {about}",
        "{place}  {at}  事件，{what}：{about}",
    ),
    "tail.no_content": (
        "{place}  {at}  content not shown (removed or withheld)",
        "{place}  {at}  内容未出示（已清除或被隐去）",
    ),
    "tail.content_due": (
        "{place}  {at}  content not shown (removed or withheld), though the log must still keep it",
        "{place}  {at}  内容未出示（已清除或被隐去），但日志此时仍须保存",
    ),
    "tail.unseen": (
        "entry {place}: the platform does not show it to this department",
        "条目 {place}：平台未向本部门出示",
    ),
    "tail.unseen_range": (
        "entries {first} to {last}: the platform does not show them to this department",
        "条目 {first} 至 {last}：平台未向本部门出示",
    ),
    "proof.name": ("Said by the log", "日志记载"),
    "event.number": ("Number", "事件编号"),
    "event.at": ("At", "时间"),
    "event.type": ("What", "事项"),
    "event.actor": ("By", "行为方"),
    "event.party": ("About", "相关方"),
    "event.resource": ("Resource", "资源"),
    "event.application_id": ("Application", "申请编号"),
    "event.grant_id": ("Grant", "授权编号"),
    "event.detail": ("Detail", "说明"),
    "proof.heading": ("Proven:", "已证明："),
    "proof.in_log": (
        "  entry {place} is in the log {log}, logged {at}, in the tree of {size} entries that it signed",
        "  条目 {place} 在日志 {log} 中，入账时间 {at}，属于日志签名的 {size} 条的树",
    ),
    "proof.cosigned": (
        "  {witness} cosigned that tree on {at}",
        "  {witness} 于 {at} 对该树作了见证签名",
    ),
    "proof.not_cosigned": (
        "  no trusted witness has cosigned that tree, and none is demanded",
        "  没有受信任的见证方对该树签名，也未要求见证",
    ),
    "proof.by_node": (
        "  the receipt is signed by node {node} with a trusted key",
        "  回执由节点 {node} 以受信任的密钥签名",
    ),
    "proof.by_consumer": (
        "  the request is signed by consumer {consumer} with a trusted key",
        "  请求声明由使用部门 {consumer} 以受信任的密钥签名",
    ),
    "proof.consumer_unknown": (
        "  NOT proven: the consumer's signature on its request; no key of {consumer} is trusted",
        "  未证明：使用部门对请求的签名；信任文件中没有 {consumer} 的公钥",
    ),
    "proof.no_statement": (
        "  the session was not complete, so there is no signed request of the consumer",
        "  会话未完成，因此没有使用部门签名的请求声明",
    ),
    "proof.event": (
        "  the platform recorded this event; no other party has signed it",
        "  该事件由平台记录，没有其他方签名",
    ),
    "proof.no_content": (
        "  its content was not shown (removed or withheld): only that there was this entry is proven",
        "  内容未出示（已清除或被隐去）：仅能证明曾有此条目",
    ),
    "archive.range": (
        (
            "  entries {first} to {last} of the log {log} are complete, unchanged and in order, up "
            "to the tree of {size} entries that it signed"
        ),
        "  日志 {log} 的第 {first} 至 {last} 条完整、未改动、次序无误，直至日志签名的 {size} 条的树",
    ),
    "archive.counts": (
        "  {receipts} receipts and {events} events with their content",
        "  含内容的回执 {receipts} 份、事件 {events} 条",
    ),
    "archive.signed": (
        (
            "  {count} receipts are signed by their nodes, {statements} requests by their "
            "consumers, with trusted keys"
        ),
        "  以受信任的密钥签名的：回执 {count} 份、请求声明 {statements} 份",
    ),
    "archive.without_key": (
        "  NOT proven: the signatures on {count} receipts of nodes of which no key is trusted: {nodes}",
        "  未证明：{count} 份回执的签名；信任文件中没有这些节点的公钥：{nodes}",
    ),
    "archive.removed": (
        "  the content of {count} entries had been removed before: {places}",
        "  此前已清除内容的条目 {count} 条：{places}",
    ),
    "witness.cosigned": (
        "cosigned the log {log} at {size} entries",
        "已对日志 {log}（{size} 条）作见证签名",
    ),
    "trust.log": ("log", "日志"),
    "trust.witness": ("witness", "见证方"),
    "trust.node": ("node", "节点"),
    "trust.consumer": ("consumer", "使用部门"),
    "trust.least": (
        "At least {count} of the witnesses must have cosigned",
        "须有至少 {count} 个见证方签名",
    ),
    "fault.no_trust": ("there is no trust file {file}", "没有信任文件 {file}"),
    "remedy.no_trust": (
        (
            "begin one with the log's key, which the platform's operator publishes: stayput trust "
            "add-log KEY; then: stayput trust fetch"
        ),
        "请先用平台运营方公布的日志公钥建立：stayput trust add-log 公钥；再执行 stayput trust fetch",
    ),
    "fault.trust_log": ("{file} states another key of the log", "{file} 中的日志公钥与此不同"),
    "remedy.trust_log": (
        (
            "nothing was changed. Ask the platform's operator and another auditor by telephone; if "
            "the log really has a new key, begin a new trust file"
        ),
        "未作任何更改。请电话向平台运营方和其他审计部门核实；如日志确已更换公钥，请另建信任文件",
    ),
    "fault.trust_node": (
        "the catalogue shows another key of node {node} than {file} states",
        "目录中节点 {node} 的公钥与 {file} 中的不同",
    ),
    "remedy.trust_node": (
        (
            "nothing was changed. Ask the provider by telephone; if the node has a new key, add "
            "it: stayput trust add-node {node} KEY"
        ),
        (
            "未作任何更改。请电话向提供部门核实；如节点确已更换公钥，请用 stayput trust add-node "
            "{node} 公钥 添加"
        ),
    ),
    "fault.split_view": (
        "the log does not go on from what it showed before: {problem}",
        "日志与之前显示的内容不衔接（{problem}）",
    ),
    "remedy.split_view": (
        (
            "nothing was cosigned. Both signed checkpoints are kept as evidence: {kept} and "
            "{shown}; give them to the auditor, and do not rely on the log"
        ),
        ("未作见证签名。两个已签名的检查点已作为证据保存：{kept} 和 {shown}；请交审计部门，且不要采信该日志"),
    ),
    "fault.two_trees": (
        "the log has shown two trees of which neither goes on from the other: {problem}",
        "日志出示了互不衔接的两棵树（{problem}）",
    ),
    "remedy.two_trees": (
        (
            "both signed checkpoints are kept as evidence: {kept} and {shown}; show them to the "
            "witnesses and to the platform's operator, and do not rely on the log"
        ),
        "两个已签名的检查点已作为证据保存：{kept} 和 {shown}；请出示给见证方和平台运营方，且不要采信该日志",
    ),
    "fault.content_early": (
        (
            "entry {place} was logged less than {days} days ago: its content may be neither removed "
            "nor withheld so early"
        ),
        "条目 {place} 入账不足 {days} 日：其内容不得这样早清除，也不得隐去",
    ),
    "remedy.content_early": _ASK_AGAIN,
    "fault.content_permanent": (
        (
            "entry {place} tells what was archived, removed or held: its content may be neither removed "
            "nor withheld, whatever its age"
        ),
        "条目 {place} 记载归档、清除或保全情况：无论入账多久，其内容均不得清除或隐去",
    ),
    "remedy.content_permanent": _ASK_AGAIN,
    "fault.event_unknown": (
        "{field}: there is no such type of event; the types: {known}",
        "{field}：没有该类事件；事件类型有：{known}",
    ),
    "remedy.event_unknown": ("correct --event", "请更正 --event"),
    "fault.time_unknown": ("{field}: is no time", "{field}：不是时间"),
    "remedy.time_unknown": (
        "write it like 2026-11-23 or 2026-11-23T08:00",
        "请写作 2026-11-23 或 2026-11-23T08:00",
    ),
    # What of a piece of evidence fails, by stayput.evidence.Part.
    "fault.evidence_file": (
        (
            "this is no bundle and no archive as Stayput writes them, or it is cut off or goes on "
            "after its end"
        ),
        "不是 Stayput 写出的证据文件或归档文件，或文件被截断、末尾有多余内容",
    ),
    "remedy.evidence_file": ("get the file again from whoever gave it", "请向提供者重新索取该文件"),
    "fault.evidence_header": (
        "the archive's header does not describe a range of the log",
        "归档文件的文件头所述的范围不成立",
    ),
    "remedy.evidence_header": _KEEP,
    "fault.evidence_checkpoint": (
        "the checkpoint is not signed by the trusted log, or a cosignature on it is not genuine",
        "检查点不是由所信任的日志签名的，或其上的见证签名不真实",
    ),
    "remedy.evidence_checkpoint": _KEEP,
    "fault.evidence_witnesses": (
        "too few trusted witnesses have cosigned the checkpoint",
        "为检查点作见证签名的受信任见证方不足",
    ),
    "remedy.evidence_witnesses": (
        "wait until the witnesses have cosigned and fetch it again; if they do not, ask them why",
        "请待见证方签名后重新获取；如始终未签，请向见证方了解原因",
    ),
    "fault.evidence_leaf": (
        "the log's leaf is malformed, or says something else than what it commits to",
        "日志叶子不合规，或与其所承诺的内容不符",
    ),
    "remedy.evidence_leaf": _KEEP,
    "fault.evidence_place": (
        "the leaf belongs to another place of the log",
        "叶子不属于日志的这一位置",
    ),
    "remedy.evidence_place": _KEEP,
    "fault.evidence_commitment": (
        "salt and content are not those that the leaf commits to",
        "盐值和内容不是叶子所承诺的",
    ),
    "remedy.evidence_commitment": _KEEP,
    "fault.evidence_inclusion_proof": (
        "the inclusion proof does not lead to the checkpoint's root",
        "包含性证明不能推出检查点的树根",
    ),
    "remedy.evidence_inclusion_proof": _KEEP,
    "fault.evidence_leaves": (
        ("the entries of the archive do not give the checkpoint's root: one was changed, left out or put in"),
        "归档条目不能推出检查点的树根：有条目被改动、遗漏或插入",
    ),
    "remedy.evidence_leaves": _KEEP,
    "fault.evidence_consistency": (
        "the log does not go on from what it was",
        "日志与之前的内容不衔接",
    ),
    "remedy.evidence_consistency": _KEEP,
    "fault.evidence_payload": (
        "the content is not what an entry of this kind holds",
        "内容不属于该类条目",
    ),
    "remedy.evidence_payload": _KEEP,
    "fault.evidence_receipt_signature": (
        "the receipt is not signed by its node with a trusted key",
        "回执不是由其节点以受信任的密钥签名的",
    ),
    "remedy.evidence_receipt_signature": (
        (
            "if the node is not in the trust file, add its key: stayput trust fetch; else do not "
            "rely on it, and tell the auditor and the platform's operator"
        ),
        (
            "如信任文件中没有该节点，请用 stayput trust fetch 添加其公钥；否则请勿采信，并通知审计"
            "部门和平台运营方"
        ),
    ),
    "fault.evidence_receipt": ("the receipt contradicts itself", "回执自相矛盾"),
    "remedy.evidence_receipt": _KEEP,
    "fault.evidence_statement_signature": (
        "the consumer's statement is not signed with a trusted key of the consumer",
        "使用部门的声明不是以该部门受信任的密钥签名的",
    ),
    "remedy.evidence_statement_signature": (
        (
            "if the consumer renewed its key, add it: stayput trust add-consumer; else do not rely "
            "on it, and tell the auditor"
        ),
        "如使用部门更换过密钥，请用 stayput trust add-consumer 添加；否则请勿采信，并通知审计部门",
    ),
    "fault.evidence_statement": (
        "the consumer's statement is missing, or says something else than the receipt",
        "使用部门的声明缺失，或与回执不符",
    ),
    "remedy.evidence_statement": _KEEP,
}
