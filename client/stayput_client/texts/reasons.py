"""What each `ErrorReason` means to a clerk, and what to do about it, in English and Chinese."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from stayput.errors import Reason
from stayput.v1.errors_pb2 import ErrorReason

_Texts: TypeAlias = tuple[str, str]

REASONS: Final[Mapping[Reason, tuple[_Texts, _Texts]]] = {
    ErrorReason.ERROR_REASON_UNSPECIFIED: (
        ("a failure that this release does not know", "本版本不认识的错误"),
        ("install a newer release, or tell the platform's operator", "请安装新版本，或联系平台运营方"),
    ),
    ErrorReason.ERROR_REASON_CERTIFICATE_REQUIRED: (
        ("no certificate was shown", "未出示证书"),
        ("enrol first: stayput enrol INVITATION_FILE", "请先入网：stayput enrol 邀请文件"),
    ),
    ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN: (
        ("the certificate is not one of this platform, or was replaced", "证书不属于本平台，或已被更换"),
        (
            "ask for a new invitation, then: stayput enrol --renew",
            "请索取新的邀请文件，再执行 stayput enrol --renew",
        ),
    ),
    ErrorReason.ERROR_REASON_NOT_PERMITTED: (
        ("this department may not do that", "本部门无权执行此操作"),
        ("ask the platform's operator which role it needs", "请向平台运营方了解所需的权限"),
    ),
    ErrorReason.ERROR_REASON_INVITATION_INVALID: (
        ("the invitation is unknown, expired, or was used already", "邀请无效、已过期或已被使用"),
        ("ask the platform's operator for a new one", "请向平台运营方索取新的邀请文件"),
    ),
    ErrorReason.ERROR_REASON_CSR_INVALID: (
        ("the certificate request does not verify", "证书申请未通过验证"),
        ("ask for a new invitation and enrol again", "请索取新的邀请文件后重新入网"),
    ),
    ErrorReason.ERROR_REASON_FIELD_INVALID: (
        ("an input is missing, malformed or out of range", "某项输入缺失、格式不对或超出范围"),
        ("correct the input that the message names", "请更正所指出的输入项"),
    ),
    ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN: (
        ("there is no resource of this code", "没有该代码的资源"),
        ("see the codes by: stayput catalogue", "请用 stayput catalogue 查看资源代码"),
    ),
    ErrorReason.ERROR_REASON_RESOURCE_NOT_SHARED: (
        ("the resource is not shared", "该资源不予共享"),
        ("it takes no application; ask the provider", "该资源不接受申请；请与提供部门联系"),
    ),
    ErrorReason.ERROR_REASON_RESOURCE_NOT_READY: (
        ("the resource has no data yet", "该资源尚无数据"),
        ("try later, or ask the provider to build it", "请稍后再试，或请提供部门构建数据"),
    ),
    ErrorReason.ERROR_REASON_RESOURCE_TAKEN: (
        ("another provider has published this code", "该资源代码已被其他提供部门使用"),
        ("choose another code", "请另选代码"),
    ),
    ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN: (
        ("there is no such application of this department", "本部门没有该申请"),
        ("see the ids by: stayput applications", "请用 stayput applications 查看申请编号"),
    ),
    ErrorReason.ERROR_REASON_APPLICATION_DECIDED: (
        ("the application was decided before", "该申请已有处理结果"),
        ("see its state by: stayput applications", "请用 stayput applications 查看状态"),
    ),
    ErrorReason.ERROR_REASON_GRANT_UNKNOWN: (
        ("there is no such grant", "没有该授权"),
        ("see what there is by: stayput grants; or apply", "请用 stayput grants 查看已有授权，或提出申请"),
    ),
    ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID: (
        ("the grant is not signed by the provider's node", "该授权不是由提供部门的节点签名的"),
        ("tell the provider and the platform", "请通知提供部门和平台"),
    ),
    ErrorReason.ERROR_REASON_GRANT_MISMATCH: (
        ("the grant does not fit its application", "授权与申请不符"),
        ("apply again for what is needed", "请按需要重新申请"),
    ),
    ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE: (
        ("the grant is not valid yet, has expired, or was revoked", "授权未生效、已过期或已被撤销"),
        (
            "see its validity by: stayput grants; apply again if need be",
            "请用 stayput grants 查看有效期；必要时重新申请",
        ),
    ),
    ErrorReason.ERROR_REASON_GRANT_SCOPE: (
        ("the grant does not cover what was asked", "授权范围不包括所请求的内容"),
        (
            "see what it covers by: stayput grants; or apply for more",
            "请用 stayput grants 查看授权范围，或申请扩大范围",
        ),
    ),
    ErrorReason.ERROR_REASON_CASE_NUMBER_REQUIRED: (
        ("the grant demands a case number", "该授权要求填写案件编号"),
        ("give --case-number", "请用 --case-number 填写"),
    ),
    ErrorReason.ERROR_REASON_QUOTA_EXCEEDED: (
        ("the grant's limit for this session or day is used up", "授权的单次或当日条数已用完"),
        ("split the list, go on tomorrow, or apply for more", "请拆分名单、次日再继续，或申请提高限额"),
    ),
    ErrorReason.ERROR_REASON_TICKET_INVALID: (
        ("the node does not accept the ticket", "节点不接受该票据"),
        (
            "run again; if it happens again tell the platform's operator",
            "请重新运行；若再次发生，请联系平台运营方",
        ),
    ),
    ErrorReason.ERROR_REASON_TICKET_EXPIRED: (
        ("the ticket's time has passed or not begun", "票据已过期或尚未生效"),
        ("run again; check this computer's clock", "请重新运行；并检查本机时钟"),
    ),
    ErrorReason.ERROR_REASON_TICKET_CERTIFICATE_MISMATCH: (
        ("the ticket belongs to another certificate", "票据属于另一张证书"),
        ("run again; if it happens again enrol anew", "请重新运行；若再次发生，请重新入网"),
    ),
    ErrorReason.ERROR_REASON_TICKET_AUDIENCE: (
        ("the ticket is for another node", "票据属于另一个节点"),
        (
            "run again; if it happens again tell the platform's operator",
            "请重新运行；若再次发生，请联系平台运营方",
        ),
    ),
    ErrorReason.ERROR_REASON_TICKET_SCOPE: (
        ("the ticket does not cover what was asked", "票据范围不包括所请求的内容"),
        ("use a grant that covers it: --grant", "请用 --grant 指定适用的授权"),
    ),
    ErrorReason.ERROR_REASON_PROFILE_MISMATCH: (
        ("this side and the node normalise by different rules", "双方的数据规范化规则不同"),
        ("install the release that the node needs", "请安装与节点相符的版本"),
    ),
    ErrorReason.ERROR_REASON_SALT_MISMATCH: (
        ("the provider has changed to a new generation just now", "提供部门刚刚切换了数据版本"),
        ("run again", "请重新运行"),
    ),
    ErrorReason.ERROR_REASON_FIELDS_MISMATCH: (
        ("this side and the node define the fields differently", "双方的字段定义不同"),
        ("run again; if it happens again tell the provider", "请重新运行；若再次发生，请联系提供部门"),
    ),
    ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED: (
        ("this release and the node share no cryptographic suite", "本版本与节点没有共同的密码套件"),
        ("install the release that the node needs", "请安装与节点相符的版本"),
    ),
    ErrorReason.ERROR_REASON_SEALING_KEY_UNKNOWN: (
        ("the node has changed its sealing key just now", "节点刚刚更换了加密密钥"),
        ("run again", "请重新运行"),
    ),
    ErrorReason.ERROR_REASON_SEAL_INVALID: (
        ("sealed data do not open: damaged or tampered with", "密封数据无法打开：已损坏或被篡改"),
        (
            "run again; if it happens again tell the provider and the platform",
            "请重新运行；若再次发生，请通知提供部门和平台",
        ),
    ),
    ErrorReason.ERROR_REASON_CHUNK_SIZE: (
        ("the node takes another chunk size", "数据块大小不符合节点的要求"),
        ("run again; if it happens again install a newer release", "请重新运行；若再次发生，请安装新版本"),
    ),
    ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION: (
        ("the other party does not follow the protocol", "对方未按协议应答"),
        ("do not rely on this comparison; tell the provider", "请勿采信本次比对；并通知提供部门"),
    ),
    ErrorReason.ERROR_REASON_SESSION_CUT: (
        ("the session ended before its final chunk", "比对在最后一个数据块之前结束"),
        ("run again", "请重新运行"),
    ),
    ErrorReason.ERROR_REASON_RECEIPT_INVALID: (
        ("the receipt does not verify", "回执未通过验证"),
        (
            "do not rely on this comparison; tell the provider and the platform",
            "请勿采信本次比对；并通知提供部门和平台",
        ),
    ),
    ErrorReason.ERROR_REASON_LOG_SEQUENCE: (
        ("receipts reach the platform out of order", "回执未按顺序送达平台"),
        ("tell the provider", "请通知提供部门"),
    ),
    ErrorReason.ERROR_REASON_LOG_FORK: (
        ("the platform holds another receipt of the same number", "平台已有同一编号的另一份回执"),
        ("tell the provider and the platform", "请通知提供部门和平台"),
    ),
    ErrorReason.ERROR_REASON_LOG_BACKLOG: (
        (
            "the node cannot deliver its receipts, so it takes no new sessions",
            "节点无法上送回执，暂停受理新的比对",
        ),
        ("try later; tell the provider", "请稍后再试；并通知提供部门"),
    ),
    ErrorReason.ERROR_REASON_CONFIGURATION_INVALID: (
        ("a configuration file cannot be used", "配置文件不可用"),
        ("correct the file that the message names", "请更正所指出的文件"),
    ),
    ErrorReason.ERROR_REASON_SOURCE_INVALID: (
        ("the provider's source cannot be read", "提供部门的数据源无法读取"),
        ("tell the provider", "请通知提供部门"),
    ),
    ErrorReason.ERROR_REASON_BUILD_RUNNING: (
        ("a build of this resource is under way", "该资源正在构建"),
        ("try later", "请稍后再试"),
    ),
    ErrorReason.ERROR_REASON_BUILD_FAILED: (
        ("the build of this resource failed", "该资源构建失败"),
        ("tell the provider", "请通知提供部门"),
    ),
    ErrorReason.ERROR_REASON_STORAGE_FULL: (
        ("the other party's storage is full; nothing was answered", "对方存储已满，未作答复"),
        ("tell the provider and the platform's operator", "请通知提供部门和平台运营方"),
    ),
    ErrorReason.ERROR_REASON_SHUTTING_DOWN: (
        ("the other party is stopping", "对方正在停机"),
        ("try again later", "请稍后再试"),
    ),
    ErrorReason.ERROR_REASON_CONNECTION_FAILED: (
        ("the other party could not be reached, or the connection broke", "无法连接对方，或连接中断"),
        (
            "check the network and that this department's certificate has not expired, then run again",
            "请检查网络以及本部门证书是否过期，然后重新运行",
        ),
    ),
    ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED: (
        ("the answer did not come in time", "对方未在规定时间内应答"),
        ("try again later", "请稍后再试"),
    ),
    ErrorReason.ERROR_REASON_PINNED_KEY_CHANGED: (
        ("the node shows another signing key than before", "节点的签名公钥与以前不同"),
        ("ask the provider by telephone before going on", "请先电话向提供部门核实"),
    ),
    ErrorReason.ERROR_REASON_UNSUPPORTED: (
        ("the other party speaks another release of the protocol", "对方使用另一版本的协议"),
        ("install a newer release, or ask the other party to", "请安装新版本，或请对方升级"),
    ),
    ErrorReason.ERROR_REASON_INTERNAL: (
        ("a fault of the other party's program", "对方程序出错"),
        ("tell its operator the incident number", "请将事件编号告知对方运维人员"),
    ),
}
