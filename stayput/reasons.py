"""What each `ErrorReason` means to a person, in English and Chinese; what to do depends on who is told."""

from collections.abc import Mapping
from typing import Final

from stayput.errors import Reason, StayputError
from stayput.language import Language, Text
from stayput.v1.errors_pb2 import ErrorReason

MEANINGS: Final[Mapping[Reason, Text]] = {
    ErrorReason.ERROR_REASON_UNSPECIFIED: Text(
        "a failure that this release does not know", "本版本不认识的错误"
    ),
    ErrorReason.ERROR_REASON_CERTIFICATE_REQUIRED: Text("no certificate was shown", "未出示证书"),
    ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN: Text(
        "the certificate is not one of this platform, or was replaced", "证书不属于本平台，或已被更换"
    ),
    ErrorReason.ERROR_REASON_NOT_PERMITTED: Text("the caller may not do that", "无权执行此操作"),
    ErrorReason.ERROR_REASON_INVITATION_INVALID: Text(
        "the invitation is unknown, expired, or was used already", "邀请无效、已过期或已被使用"
    ),
    ErrorReason.ERROR_REASON_CSR_INVALID: Text(
        "the certificate request does not verify", "证书申请未通过验证"
    ),
    ErrorReason.ERROR_REASON_FIELD_INVALID: Text(
        "an input is missing, malformed or out of range", "某项输入缺失、格式不对或超出范围"
    ),
    ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN: Text("there is no resource of this code", "没有该代码的资源"),
    ErrorReason.ERROR_REASON_RESOURCE_NOT_SHARED: Text("the resource is not shared", "该资源不予共享"),
    ErrorReason.ERROR_REASON_RESOURCE_NOT_READY: Text("the resource has no data yet", "该资源尚无数据"),
    ErrorReason.ERROR_REASON_RESOURCE_TAKEN: Text(
        "another provider has published this code", "该资源代码已被其他提供部门使用"
    ),
    ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN: Text("there is no such application", "没有该申请"),
    ErrorReason.ERROR_REASON_APPLICATION_DECIDED: Text(
        "the application was decided before", "该申请已有处理结果"
    ),
    ErrorReason.ERROR_REASON_AGREEMENT_REQUIRED: Text(
        "no security agreement between the two departments is named", "未注明双方签订的安全协议"
    ),
    ErrorReason.ERROR_REASON_GRANT_UNKNOWN: Text("there is no such grant", "没有该授权"),
    ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID: Text(
        "the grant is not signed by the provider's node", "该授权不是由提供部门的节点签名的"
    ),
    ErrorReason.ERROR_REASON_GRANT_MISMATCH: Text("the grant does not fit its application", "授权与申请不符"),
    ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE: Text(
        "the grant is not valid yet, has expired, or was suspended or revoked",
        "授权未生效、已过期，或已被暂停、撤销",
    ),
    ErrorReason.ERROR_REASON_GRANT_SCOPE: Text(
        "the grant does not cover what was asked", "授权范围不包括所请求的内容"
    ),
    ErrorReason.ERROR_REASON_CASE_NUMBER_REQUIRED: Text(
        "the grant demands a case number", "该授权要求填写案件编号"
    ),
    ErrorReason.ERROR_REASON_QUOTA_EXCEEDED: Text(
        "the grant's limit for this session, minute or day is used up", "授权的单次、每分钟或当日限额已用完"
    ),
    ErrorReason.ERROR_REASON_OPERATOR_NOT_ALLOWED: Text(
        "the grant is not for this operator", "该经办人不在授权范围内"
    ),
    ErrorReason.ERROR_REASON_OUTSIDE_HOURS: Text(
        "the grant may not be used at this hour", "当前不在授权的使用时段内"
    ),
    ErrorReason.ERROR_REASON_GRANT_VERSION: Text("the grant was changed meanwhile", "授权在此期间已有变更"),
    ErrorReason.ERROR_REASON_TICKET_INVALID: Text("the node does not accept the ticket", "节点不接受该票据"),
    ErrorReason.ERROR_REASON_TICKET_EXPIRED: Text(
        "the ticket's time has passed or not begun", "票据已过期或尚未生效"
    ),
    ErrorReason.ERROR_REASON_TICKET_CERTIFICATE_MISMATCH: Text(
        "the ticket belongs to another certificate", "票据属于另一张证书"
    ),
    ErrorReason.ERROR_REASON_TICKET_AUDIENCE: Text("the ticket is for another node", "票据属于另一个节点"),
    ErrorReason.ERROR_REASON_TICKET_SCOPE: Text(
        "the ticket does not cover what was asked", "票据范围不包括所请求的内容"
    ),
    ErrorReason.ERROR_REASON_PROFILE_MISMATCH: Text(
        "this side and the node normalise by different rules", "双方的数据规范化规则不同"
    ),
    ErrorReason.ERROR_REASON_SALT_MISMATCH: Text(
        "the provider has changed to a new generation just now", "提供部门刚刚切换了数据版本"
    ),
    ErrorReason.ERROR_REASON_FIELDS_MISMATCH: Text(
        "this side and the node define the fields differently", "双方的字段定义不同"
    ),
    ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED: Text(
        "this release and the node share no cryptographic suite", "本版本与节点没有共同的密码套件"
    ),
    ErrorReason.ERROR_REASON_SEALING_KEY_UNKNOWN: Text(
        "the node has changed its sealing key just now", "节点刚刚更换了加密密钥"
    ),
    ErrorReason.ERROR_REASON_SEAL_INVALID: Text(
        "sealed data do not open: damaged or tampered with", "密封数据无法打开：已损坏或被篡改"
    ),
    ErrorReason.ERROR_REASON_CHUNK_SIZE: Text(
        "the node takes another chunk size", "数据块大小不符合节点的要求"
    ),
    ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION: Text(
        "the other party does not follow the protocol", "对方未按协议应答"
    ),
    ErrorReason.ERROR_REASON_SESSION_CUT: Text(
        "the session ended before its final chunk", "比对在最后一个数据块之前结束"
    ),
    ErrorReason.ERROR_REASON_REQUEST_STATEMENT_INVALID: Text(
        "the consumer's signed statement of its request does not verify", "使用部门对请求的签名声明未通过验证"
    ),
    ErrorReason.ERROR_REASON_RECEIPT_INVALID: Text("the receipt does not verify", "回执未通过验证"),
    ErrorReason.ERROR_REASON_LOG_SEQUENCE: Text(
        "receipts reach the platform out of order", "回执未按顺序送达平台"
    ),
    ErrorReason.ERROR_REASON_LOG_FORK: Text(
        "the platform holds another receipt of the same number", "平台已有同一编号的另一份回执"
    ),
    ErrorReason.ERROR_REASON_LOG_BACKLOG: Text(
        "the node cannot deliver its receipts, so it takes no new sessions",
        "节点无法上送回执，暂停受理新的比对",
    ),
    ErrorReason.ERROR_REASON_LOG_ENTRY_UNKNOWN: Text("the log has no such entry", "日志中没有该条目"),
    ErrorReason.ERROR_REASON_EVIDENCE_INVALID: Text("the evidence does not verify", "证据未通过验证"),
    ErrorReason.ERROR_REASON_CONFIGURATION_INVALID: Text(
        "a configuration file cannot be used", "配置文件不可用"
    ),
    ErrorReason.ERROR_REASON_SOURCE_INVALID: Text(
        "the provider's source cannot be read", "提供部门的数据源无法读取"
    ),
    ErrorReason.ERROR_REASON_BUILD_RUNNING: Text("a build of this resource is under way", "该资源正在构建"),
    ErrorReason.ERROR_REASON_BUILD_FAILED: Text("the build of this resource failed", "该资源构建失败"),
    ErrorReason.ERROR_REASON_STORAGE_FULL: Text(
        "the other party's storage is full; nothing was answered", "对方存储已满，未作答复"
    ),
    ErrorReason.ERROR_REASON_KEY_EPOCH_MISMATCH: Text(
        "the provider's OPRF key is another one than the elements were blinded for",
        "提供部门的不经意计算密钥已更换，与致盲时所用的不同",
    ),
    ErrorReason.ERROR_REASON_GENERATION_CHANGED: Text(
        "another generation serves by now than the one asked for", "当前提供服务的数据版本已不是所请求的版本"
    ),
    ErrorReason.ERROR_REASON_PROOF_INVALID: Text(
        "the node did not prove that it used its published key", "节点未能证明使用的是其公布的密钥"
    ),
    ErrorReason.ERROR_REASON_LIST_TOO_SHORT: Text(
        "the list, or one of its checks, has fewer different records than totals are told for",
        "名单或其中某个核验项的不同记录数量低于可告知汇总数的下限",
    ),
    ErrorReason.ERROR_REASON_LIST_OVERLAPS: Text(
        "the list is nearly the same as an earlier one, so that totals would tell of single records",
        "名单与先前的名单几乎相同，汇总数会透露个别记录的结果",
    ),
    ErrorReason.ERROR_REASON_SHUTTING_DOWN: Text("the other party is stopping", "对方正在停机"),
    ErrorReason.ERROR_REASON_CONNECTION_FAILED: Text(
        "the other party could not be reached, or the connection broke", "无法连接对方，或连接中断"
    ),
    ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED: Text(
        "the answer did not come in time", "对方未在规定时间内应答"
    ),
    ErrorReason.ERROR_REASON_PINNED_KEY_CHANGED: Text(
        "the node shows another signing key than before", "节点的签名公钥与以前不同"
    ),
    ErrorReason.ERROR_REASON_UNSUPPORTED: Text(
        "the other party speaks another release of the protocol", "对方使用另一版本的协议"
    ),
    ErrorReason.ERROR_REASON_CATCHING_UP: Text(
        "the node has not heard yet which grants were suspended or revoked",
        "节点尚未获知哪些授权已被暂停或撤销",
    ),
    ErrorReason.ERROR_REASON_GENERATION_UNKNOWN: Text("there is no such generation", "没有该代数据"),
    ErrorReason.ERROR_REASON_BOUNDS_EXCEEDED: Text(
        "the new generation differs more from the serving one than its bounds allow",
        "新一代数据与现用数据的差异超出允许范围",
    ),
    ErrorReason.ERROR_REASON_INTERNAL: Text("a fault of the other party's program", "对方程序出错"),
}


def told(error: StayputError, language: Language) -> str:
    """An error as a person reads it on a terminal: what is wrong, then what to do.

    Messages come from other parties in English; in Chinese the meaning of the reason goes before them.
    """
    incident = f" [{error.details['incident']}]" if "incident" in error.details else ""
    if language is Language.CHINESE:
        meaning = MEANINGS[error.reason].of(language)
        return f"错误：{meaning}（{error.reason_name}：{error.message}{incident}）" + _hint("提示：", error)
    return f"error: {error.message}{incident}" + _hint("hint: ", error)


def _hint(label: str, error: StayputError) -> str:
    return f"\n{label}{error.remedy}" if error.remedy else ""
