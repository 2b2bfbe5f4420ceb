"""What a clerk can do about each `ErrorReason`; what it means is in `stayput.reasons`."""

from collections.abc import Mapping
from typing import Final

from stayput.errors import Reason
from stayput.language import Text
from stayput.v1.errors_pb2 import ErrorReason

REMEDIES: Final[Mapping[Reason, Text]] = {
    ErrorReason.ERROR_REASON_UNSPECIFIED: Text(
        "install a newer release, or tell the platform's operator", "请安装新版本，或联系平台运营方"
    ),
    ErrorReason.ERROR_REASON_CERTIFICATE_REQUIRED: Text(
        "enrol first: stayput enrol INVITATION_FILE", "请先入网：stayput enrol 邀请文件"
    ),
    ErrorReason.ERROR_REASON_CERTIFICATE_UNKNOWN: Text(
        "ask for a new invitation, then: stayput enrol --renew",
        "请索取新的邀请文件，再执行 stayput enrol --renew",
    ),
    ErrorReason.ERROR_REASON_NOT_PERMITTED: Text(
        "ask the platform's operator which role it needs", "请向平台运营方了解所需的权限"
    ),
    ErrorReason.ERROR_REASON_INVITATION_INVALID: Text(
        "ask the platform's operator for a new one", "请向平台运营方索取新的邀请文件"
    ),
    ErrorReason.ERROR_REASON_CSR_INVALID: Text(
        "ask for a new invitation and enrol again", "请索取新的邀请文件后重新入网"
    ),
    ErrorReason.ERROR_REASON_FIELD_INVALID: Text(
        "correct the input that the message names", "请更正所指出的输入项"
    ),
    ErrorReason.ERROR_REASON_RESOURCE_UNKNOWN: Text(
        "see the codes by: stayput catalogue", "请用 stayput catalogue 查看资源代码"
    ),
    ErrorReason.ERROR_REASON_RESOURCE_NOT_SHARED: Text(
        "it takes no application; ask the provider", "该资源不接受申请；请与提供部门联系"
    ),
    ErrorReason.ERROR_REASON_RESOURCE_NOT_READY: Text(
        "try later, or ask the provider to build it", "请稍后再试，或请提供部门构建数据"
    ),
    ErrorReason.ERROR_REASON_RESOURCE_TAKEN: Text("choose another code", "请另选代码"),
    ErrorReason.ERROR_REASON_APPLICATION_UNKNOWN: Text(
        "see the ids by: stayput applications", "请用 stayput applications 查看申请编号"
    ),
    ErrorReason.ERROR_REASON_APPLICATION_DECIDED: Text(
        "see its state by: stayput applications", "请用 stayput applications 查看状态"
    ),
    ErrorReason.ERROR_REASON_AGREEMENT_REQUIRED: Text(
        (
            "conclude the security agreement with the other department, then apply again and name it: "
            "stayput apply … --agreement REFERENCE"
        ),
        "请与对方部门签订安全协议，再重新申请并注明：stayput apply … --agreement 编号",
    ),
    ErrorReason.ERROR_REASON_GRANT_UNKNOWN: Text(
        "see what there is by: stayput grants; or apply", "请用 stayput grants 查看已有授权，或提出申请"
    ),
    ErrorReason.ERROR_REASON_GRANT_SIGNATURE_INVALID: Text(
        "tell the provider and the platform", "请通知提供部门和平台"
    ),
    ErrorReason.ERROR_REASON_GRANT_MISMATCH: Text("apply again for what is needed", "请按需要重新申请"),
    ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE: Text(
        "see its state and who can change it by: stayput grants; apply again if need be",
        "请用 stayput grants 查看其状态及由谁处理；必要时重新申请",
    ),
    ErrorReason.ERROR_REASON_GRANT_SCOPE: Text(
        "see what it covers by: stayput grants; or apply for more",
        "请用 stayput grants 查看授权范围，或申请扩大范围",
    ),
    ErrorReason.ERROR_REASON_CASE_NUMBER_REQUIRED: Text("give --case-number", "请用 --case-number 填写"),
    ErrorReason.ERROR_REASON_QUOTA_EXCEEDED: Text(
        "split the list, go on tomorrow, or apply for more", "请拆分名单、次日再继续，或申请提高限额"
    ),
    ErrorReason.ERROR_REASON_OPERATOR_NOT_ALLOWED: Text(
        "see who may use it by: stayput grants; or ask the provider to add this operator",
        "请用 stayput grants 查看可使用该授权的经办人，或请提供部门增加",
    ),
    ErrorReason.ERROR_REASON_OUTSIDE_HOURS: Text(
        "see its hours by: stayput grants, and run it within them",
        "请用 stayput grants 查看可用时段，并在该时段内运行",
    ),
    ErrorReason.ERROR_REASON_GRANT_VERSION: Text(
        "see what it says now by: stayput grants, then run again",
        "请用 stayput grants 查看变更后的内容，再重新运行",
    ),
    ErrorReason.ERROR_REASON_TICKET_INVALID: Text(
        "run again; if it happens again tell the platform's operator",
        "请重新运行；若再次发生，请联系平台运营方",
    ),
    ErrorReason.ERROR_REASON_TICKET_EXPIRED: Text(
        "run again; check this computer's clock", "请重新运行；并检查本机时钟"
    ),
    ErrorReason.ERROR_REASON_TICKET_CERTIFICATE_MISMATCH: Text(
        "run again; if it happens again enrol anew", "请重新运行；若再次发生，请重新入网"
    ),
    ErrorReason.ERROR_REASON_TICKET_AUDIENCE: Text(
        "run again; if it happens again tell the platform's operator",
        "请重新运行；若再次发生，请联系平台运营方",
    ),
    ErrorReason.ERROR_REASON_TICKET_SCOPE: Text(
        "use a grant that covers it: --grant", "请用 --grant 指定适用的授权"
    ),
    ErrorReason.ERROR_REASON_PROFILE_MISMATCH: Text(
        "install the release that the node needs", "请安装与节点相符的版本"
    ),
    ErrorReason.ERROR_REASON_SALT_MISMATCH: Text("run again", "请重新运行"),
    ErrorReason.ERROR_REASON_FIELDS_MISMATCH: Text(
        "run again; if it happens again tell the provider", "请重新运行；若再次发生，请联系提供部门"
    ),
    ErrorReason.ERROR_REASON_SUITE_UNSUPPORTED: Text(
        "install the release that the node needs", "请安装与节点相符的版本"
    ),
    ErrorReason.ERROR_REASON_SEALING_KEY_UNKNOWN: Text("run again", "请重新运行"),
    ErrorReason.ERROR_REASON_SEAL_INVALID: Text(
        "run again; if it happens again tell the provider and the platform",
        "请重新运行；若再次发生，请通知提供部门和平台",
    ),
    ErrorReason.ERROR_REASON_CHUNK_SIZE: Text(
        "run again; if it happens again install a newer release", "请重新运行；若再次发生，请安装新版本"
    ),
    ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION: Text(
        "do not rely on this comparison; tell the provider", "请勿采信本次比对；并通知提供部门"
    ),
    ErrorReason.ERROR_REASON_SESSION_CUT: Text("run again", "请重新运行"),
    ErrorReason.ERROR_REASON_REQUEST_STATEMENT_INVALID: Text(
        "set this computer's clock; if that does not help: stayput enrol --renew",
        "请校准本机时间；如仍无效，请执行 stayput enrol --renew",
    ),
    ErrorReason.ERROR_REASON_RECEIPT_INVALID: Text(
        "do not rely on this comparison; tell the provider and the platform",
        "请勿采信本次比对；并通知提供部门和平台",
    ),
    ErrorReason.ERROR_REASON_LOG_SEQUENCE: Text("tell the provider", "请通知提供部门"),
    ErrorReason.ERROR_REASON_LOG_FORK: Text("tell the provider and the platform", "请通知提供部门和平台"),
    ErrorReason.ERROR_REASON_LOG_BACKLOG: Text("try later; tell the provider", "请稍后再试；并通知提供部门"),
    ErrorReason.ERROR_REASON_LOG_ENTRY_UNKNOWN: Text(
        "see the places by: stayput audit search", "请用 stayput audit search 查看条目的序号"
    ),
    ErrorReason.ERROR_REASON_EVIDENCE_INVALID: Text(
        "do not rely on it; keep it, and tell the auditor and the platform's operator",
        "请勿采信；请妥善保存，并通知审计部门和平台运营方",
    ),
    ErrorReason.ERROR_REASON_CONFIGURATION_INVALID: Text(
        "correct the file that the message names", "请更正所指出的文件"
    ),
    ErrorReason.ERROR_REASON_SOURCE_INVALID: Text("tell the provider", "请通知提供部门"),
    ErrorReason.ERROR_REASON_BUILD_RUNNING: Text("try later", "请稍后再试"),
    ErrorReason.ERROR_REASON_BUILD_FAILED: Text("tell the provider", "请通知提供部门"),
    ErrorReason.ERROR_REASON_STORAGE_FULL: Text(
        "tell the provider and the platform's operator", "请通知提供部门和平台运营方"
    ),
    ErrorReason.ERROR_REASON_KEY_EPOCH_MISMATCH: Text(
        "run the comparison again: the new key and its fingerprints are fetched",
        "请重新比对：将取得新密钥及其指纹",
    ),
    ErrorReason.ERROR_REASON_GENERATION_CHANGED: Text(
        "run the comparison again: the new generation's fingerprints are fetched",
        "请重新比对：将取得新版本的指纹",
    ),
    ErrorReason.ERROR_REASON_PROOF_INVALID: Text(
        "use nothing of this comparison, and tell the provider and the platform",
        "请勿使用本次比对的任何结果，并告知提供部门和平台",
    ),
    ErrorReason.ERROR_REASON_LIST_TOO_SHORT: Text(
        "ask about a longer list, or apply for outcomes per record", "请使用更长的名单，或申请逐条结果"
    ),
    ErrorReason.ERROR_REASON_LIST_OVERLAPS: Text(
        "use the totals of the earlier list, or apply for outcomes per record",
        "请沿用先前名单的汇总数，或申请逐条结果",
    ),
    ErrorReason.ERROR_REASON_SHUTTING_DOWN: Text("try again later", "请稍后再试"),
    ErrorReason.ERROR_REASON_CONNECTION_FAILED: Text(
        "check the network and that this department's certificate has not expired, then run again",
        "请检查网络以及本部门证书是否过期，然后重新运行",
    ),
    ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED: Text("try again later", "请稍后再试"),
    ErrorReason.ERROR_REASON_PINNED_KEY_CHANGED: Text(
        "ask the provider by telephone before going on", "请先电话向提供部门核实"
    ),
    ErrorReason.ERROR_REASON_UNSUPPORTED: Text(
        "install a newer release, or ask the other party to", "请安装新版本，或请对方升级"
    ),
    ErrorReason.ERROR_REASON_CATCHING_UP: Text(
        "try again in a moment; if it lasts longer than some minutes tell the provider",
        "请稍候片刻再试；若持续数分钟以上，请通知提供部门",
    ),
    ErrorReason.ERROR_REASON_GENERATION_UNKNOWN: Text("tell the provider", "请通知提供部门"),
    ErrorReason.ERROR_REASON_BOUNDS_EXCEEDED: Text("tell the provider", "请通知提供部门"),
    ErrorReason.ERROR_REASON_INTERNAL: Text(
        "tell its operator the incident number", "请将事件编号告知对方运维人员"
    ),
}
