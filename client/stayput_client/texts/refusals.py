"""Refusals told by what their details say: what is wrong (`fault.`) and what to do (`remedy.`).

`stayput_client.refusals` chooses among them. `{why}` is empty, or the reason given, in brackets.
"""

from collections.abc import Mapping
from typing import Final

REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "fault.grant_pending": ("the grant is not valid yet", "该授权尚未生效"),
    "remedy.grant_pending": (
        "see from when it can be used by: stayput grants",
        "请用 stayput grants 查看生效时间",
    ),
    "fault.grant_expired": ("the grant has expired", "该授权已过期"),
    "remedy.grant_expired": (
        "ask the provider to renew it, or apply again: stayput apply",
        "请联系提供部门续期，或用 stayput apply 重新申请",
    ),
    "fault.grant_suspended_provider": (
        "the provider has suspended the grant{why}",
        "提供部门已暂停该授权{why}",
    ),
    "remedy.grant_suspended_provider": (
        "see since when and why by: stayput grants; then ask the provider, who can lift it",
        "请用 stayput grants 查看暂停的时间和原因，并与提供部门联系；由提供部门恢复",
    ),
    "fault.grant_suspended_platform": (
        "the platform has suspended the grant{why}",
        "平台已暂停该授权{why}",
    ),
    "remedy.grant_suspended_platform": (
        "see since when and why by: stayput grants; then ask the platform's operator, who can lift it",
        "请用 stayput grants 查看暂停的时间和原因，并与平台运营方联系；由平台运营方恢复",
    ),
    "fault.grant_miss_ratio": (
        (
            "the provider's node has suspended the grant: too many of the records were not in the register, "
            "as when somebody tries out numbers{why}"
        ),
        "提供部门的节点已暂停该授权：查询的记录有过多不在库中，与试探号码的情形相似{why}",
    ),
    "remedy.grant_miss_ratio": (
        (
            "check that the list is the right one and its columns are, then explain it to the provider, who "
            "can lift the suspension"
        ),
        "请检查名单和列的对应是否正确，并向提供部门说明情况；由提供部门恢复授权",
    ),
    "fault.grant_sequence": (
        (
            "the provider's node has suspended the grant: the records found follow one another in the "
            "register's order of numbers, as when somebody walks through them{why}"
        ),
        "提供部门的节点已暂停该授权：查得的记录在库中号码顺序上前后相连，与逐号遍历的情形相似{why}",
    ),
    "remedy.grant_sequence": (
        "explain to the provider where the list comes from; the provider can lift the suspension",
        "请向提供部门说明名单的来源；由提供部门恢复授权",
    ),
    "fault.grant_revoked_provider": (
        "the provider has revoked the grant{why}",
        "提供部门已撤销该授权{why}",
    ),
    "remedy.grant_revoked_provider": (
        "it cannot be used again; see why by: stayput grants; apply again if the need remains: stayput apply",
        "该授权不能恢复；请用 stayput grants 查看原因，仍有需要的用 stayput apply 重新申请",
    ),
    "fault.grant_revoked_platform": (
        "the platform has revoked the grant{why}",
        "平台已撤销该授权{why}",
    ),
    "remedy.grant_revoked_platform": (
        "it cannot be used again; see why by: stayput grants, and ask the platform's operator",
        "该授权不能恢复；请用 stayput grants 查看原因，并与平台运营方联系",
    ),
    "fault.quota_session": (
        "the grant allows {limit} records in one session, and there are more",
        "该授权每次最多比对 {limit} 条，本次已超出",
    ),
    "remedy.quota_session": (
        "split the list into parts of at most {limit} records, or ask the provider for a higher limit",
        "请将名单拆分为每份不超过 {limit} 条，或请提供部门提高限额",
    ),
    "fault.quota_day": (
        "the grant allows {limit} records a day; {remaining} are left today, which is not enough",
        "该授权每日最多比对 {limit} 条；今日还剩 {remaining} 条，不足以继续",
    ),
    "remedy.quota_day": (
        "go on tomorrow (days end at midnight in China), or ask the provider for a higher limit",
        "请次日再继续（以北京时间零点为界），或请提供部门提高限额",
    ),
    "fault.quota_minute": (
        "the grant allows no more sessions in this minute",
        "该授权一分钟内可发起的比对次数已用完",
    ),
    "remedy.quota_minute": (
        "run again in a minute; ask about many records in one session rather than in many",
        "请一分钟后重新运行；多条记录请合并为一次比对",
    ),
    "fault.quota_noise": (
        (
            "the grant's counts may cost a privacy loss (epsilon) of {limit} thousandths together; "
            "{remaining} are left, which is not enough for this one"
        ),
        (
            "该授权各次统计的隐私损失（epsilon）合计不得超过千分之 {limit}；"
            "还剩千分之 {remaining}，不足以进行本次统计"
        ),
    ),
    "remedy.quota_noise": (
        "use the totals of earlier counts, or ask the provider for a higher noise_budget",
        "请沿用先前的汇总数，或请提供部门提高隐私预算（noise_budget）",
    ),
    "fault.quota_lists": (
        "totals of {limit} lists have been told under this grant, and no more lists can be kept beside them",
        "该授权已告知 {limit} 份名单的汇总数，无法再保存更多名单用于比较",
    ),
    "remedy.quota_lists": (
        "ask the provider to renew the grant",
        "请提供部门续期该授权",
    ),
    "fault.list_too_short": (
        (
            "the grant tells totals of at least {limit} different records; this list, or one of its checks, "
            "has fewer, and nothing was told"
        ),
        "该授权只对至少 {limit} 条不同记录告知汇总数；本名单或其中某个核验项不足，未告知任何结果",
    ),
    "remedy.list_too_short": (
        (
            "count a longer list, or leave out a check that few of it ask; or apply for outcomes per record: "
            "stayput apply … --granularity record"
        ),
        (
            "请使用更长的名单，或去掉很少有记录填写的核验项；也可申请逐条结果："
            "stayput apply … --granularity record"
        ),
    ),
    "fault.list_overlaps": (
        (
            "the list differs from one counted under this grant before in fewer than {limit} records: the "
            "two totals together would tell of single records, so nothing was told"
        ),
        (
            "本名单与该授权先前统计过的名单相差不足 {limit} 条："
            "两次汇总数会透露个别记录的结果，因此未告知任何结果"
        ),
    ),
    "remedy.list_overlaps": (
        (
            "use the totals of the earlier list, or apply for outcomes per record: "
            "stayput apply … --granularity record"
        ),
        "请沿用先前名单的汇总数，或申请逐条结果：stayput apply … --granularity record",
    ),
    "fault.keys_changed": (
        "the provider has changed the keys of the oblivious mode just now",
        "提供部门刚刚更换了匿踪比对的密钥",
    ),
    "remedy.keys_changed": (
        "run again: the new keys and their fingerprints are fetched",
        "请重新运行：将取得新密钥及其指纹",
    ),
    "fault.generation_changed": (
        "the provider has changed to a new generation just now",
        "提供部门刚刚切换了数据版本",
    ),
    "remedy.generation_changed": (
        "run again: the new generation's fingerprints are fetched",
        "请重新运行：将取得新版本的指纹",
    ),
    "fault.proof_invalid": (
        "the node did not prove that it used its published keys and data",
        "节点未能证明使用的是其公布的密钥和数据",
    ),
    "remedy.proof_invalid": (
        "nothing of it was used; do not ask it again before provider and platform have been told",
        "未采用其任何答复；在通知提供部门和平台之前，请勿再次查询",
    ),
    "fault.operator_not_allowed": (
        "operator: the grant names the operators who may use it, and this one is not among them",
        "经办人（operator）不在该授权指定的人员之内",
    ),
    "remedy.operator_not_allowed": (
        "let one of those do it whom stayput grants shows, or ask the provider to add this operator",
        "请由 stayput grants 所列的经办人办理，或请提供部门增加该经办人",
    ),
    "fault.outside_hours": (
        "the grant may not be used at this hour or on this day; it may be {hours}",
        "当前不在该授权的使用时段内；可用时段为 {hours}",
    ),
    "remedy.outside_hours": (
        "run it within those hours, China's time (of days, 1 is Monday), or ask the provider for others",
        "请在上述时段内运行（北京时间；星期以 1 表示周一），或请提供部门调整",
    ),
    "fault.case_number_missing": (
        "case_number: the grant demands one",
        "该授权要求填写案件编号（case_number）",
    ),
    "remedy.case_number_missing": (
        "give --case-number",
        "请用 --case-number 填写",
    ),
    "fault.application_granted": (
        "the provider has granted the application already",
        "提供部门已批准该申请",
    ),
    "remedy.application_granted": (
        "if the grant is not needed any more, ask the provider to revoke it",
        "如不再需要该授权，请提供部门撤销",
    ),
    "fault.application_refused": (
        "the provider has refused the application already",
        "提供部门已拒绝该申请",
    ),
    "remedy.application_refused": (
        "see the reason by: stayput applications",
        "请用 stayput applications 查看理由",
    ),
    "fault.application_withdrawn": (
        "the application has been withdrawn already",
        "该申请已撤回",
    ),
    "remedy.application_withdrawn": (
        "apply again if the need remains: stayput apply",
        "仍有需要的，请用 stayput apply 重新申请",
    ),
    "fault.application_expired": (
        "the application has expired, as nobody decided it in time",
        "该申请逾期无人处理，已失效",
    ),
    "remedy.application_expired": (
        "apply again if the need remains: stayput apply",
        "仍有需要的，请用 stayput apply 重新申请",
    ),
}
