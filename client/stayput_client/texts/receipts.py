"""What is said of receipts."""

from collections.abc import Mapping
from typing import Final

RECEIPTS: Final[Mapping[str, tuple[str, str]]] = {
    "receipt.verified": (
        "the receipt is genuine: signed by node {node} with its known key",
        "回执真实：由节点 {node} 以已知密钥签名",
    ),
    "receipt.proved": (
        "proved: node {node} was asked exactly this list ({records} records) and told exactly this output",
        "已证明：向节点 {node} 所问的正是该名单（{records} 条），其答复正是该输出文件",
    ),
    "receipt.proved_list": (
        "proved: node {node} was asked exactly this list ({records} records)",
        "已证明：向节点 {node} 所问的正是该名单（{records} 条）",
    ),
    "receipt.proved_rest": (
        (
            "proved: in this session, begun when another had broken, node {node} was asked exactly the rest "
            "of this list ({records} records)"
        ),
        "已证明：在中断后续传的这次会话中，向节点 {node} 所问的正是该名单的其余部分（{records} 条）",
    ),
    "receipt.out_missing": (
        "this receipt commits to an outcome for each record: give the output that was written",
        "该回执包含对每条记录结果的承诺：请给出当时写出的输出文件",
    ),
    "receipt.out_unproved": (
        "this receipt does not commit to outcomes: only the list can be proved, without an output",
        "该回执不包含对逐条结果的承诺：只能证明名单，请不要给出输出文件",
    ),
    "receipt.unverified": (
        "not verified; check it by: stayput receipt verify",
        "尚未验证；请用 stayput receipt verify 验证",
    ),
    "receipt.name": ("Said by the node", "节点声明"),
    "receipt.value": ("Value", "内容"),
    "receipt.session_id": ("Session", "会话编号"),
    "receipt.consumer": ("Consumer", "使用部门"),
    "receipt.operator": ("Operator", "经办人"),
    "receipt.purpose": ("Purpose", "用途"),
    "receipt.case_number": ("Case number", "案件编号"),
    "receipt.grant_id": ("Grant", "授权编号"),
    "receipt.ticket_id": ("Ticket", "票据编号"),
    "receipt.provider": ("Provider", "提供部门"),
    "receipt.node_id": ("Node", "节点"),
    "receipt.resource": ("Resource", "资源"),
    "receipt.generation": ("Generation", "数据版本"),
    "receipt.as_of": ("Data as of", "数据时点"),
    "receipt.mode": ("Mode", "比对方式"),
    "receipt.granularity": ("Granularity", "结果粒度"),
    "receipt.key": ("Key", "主键"),
    "receipt.checks": ("Checks", "核验项"),
    "receipt.records": ("Records answered", "答复条数"),
    "receipt.counts": ("Counts: {compared}", "计数：{compared}"),
    "receipt.suite": ("Suite", "密码套件"),
    "receipt.oblivious_suite": ("Suite of the oblivious mode", "匿踪比对密码套件"),
    "receipt.key_epoch": ("Key epoch", "密钥期"),
    "receipt.elements": ("Elements evaluated", "计算的元素数"),
    "receipt.repeated_elements": (
        "Of them repeated, not charged again",
        "其中重复而未再计入限额的",
    ),
    "receipt.distinct_records": ("Different records", "不同记录数"),
    "receipt.count_minimum": ("Totals told from", "汇总数告知下限"),
    "receipt.noise_epsilon_milli": (
        "Noise: epsilon in thousandths",
        "加噪：epsilon（千分之）",
    ),
    "receipt.fetch_fingerprints": ("Fingerprints fetched", "取得的指纹数"),
    "receipt.fetch_held_elements": (
        "Elements held, which they can be tested against",
        "可用其检验的已有元素数",
    ),
    "receipt.fetch_charged_elements": ("Of them charged", "其中计入限额的"),
    "receipt.leakage": ("Statement on who learns what", "信息获知声明"),
    "receipt.started_at": ("Started", "开始时间"),
    "receipt.finished_at": ("Finished", "结束时间"),
    "receipt.end": ("End", "结束方式"),
    "receipt.sequence": ("Number at the node", "节点回执序号"),
    "receipt.software_version": ("Node's software", "节点软件版本"),
}
