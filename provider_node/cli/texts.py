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
    "built_pace": Text("{rate:,.0f} rows/s; {size} on disk", "每秒 {rate:,.0f} 行；占用磁盘 {size}"),
    "built_before": Text(
        "against generation {generation}: {rows:+,} rows, {subjects:+,} subjects, {left_out:+,} left out",
        "与数据版本 {generation} 相比：行数 {rows:+,}，主体 {subjects:+,}，剔除 {left_out:+,}",
    ),
    "piece_made": Text(
        "{resource}: piece {number} of {pieces}, {rows:,} rows, {left_out:,} left out",
        "{resource}：第 {number} 份（共 {pieces} 份），{rows:,} 行，剔除 {left_out:,} 行",
    ),
    "build_line": Text(
        "{resource}: {stage}, {rows:,} rows, {rate:,.0f} rows/s, {rejected:,} left out",
        "{resource}：{stage}，{rows:,} 行，每秒 {rate:,.0f} 行，剔除 {rejected:,} 行",
    ),
    "build_left": Text(", about {seconds:,.0f} s to read", "，约 {seconds:,.0f} 秒后读完"),
    "stage_reading": Text("reading", "读取数据"),
    "stage_indexing": Text("indexing", "写入索引"),
    "stage_verifying": Text("verifying", "校验索引"),
    "stage_finishing": Text("finishing", "收尾"),
    "stage_switching": Text("switching", "切换"),
    "rows_per_second": Text("rows/s", "行/秒"),
    "kept": Text("kept", "留存"),
    "stale": Text("STALE", "逾期未更新"),
    "built_at": Text("built", "建库时间"),
    "size": Text("size", "大小"),
    "confirm_rollback": Text(
        "Let an earlier generation of {resource} serve?", "确定让 {resource} 回退到先前的数据版本？"
    ),
    "rolled_back": Text(
        "{resource}: generation {generation} serves again, data as of {as_of}",
        "{resource}：数据版本 {generation} 重新提供服务，数据时点 {as_of}",
    ),
    "next_build": Text("{resource}: builds next at {at}", "{resource}：下次自动建库 {at}"),
    "last_failure": Text(
        "{resource}: the last build on schedule FAILED: {why}", "{resource}：上次自动建库失败：{why}"
    ),
    "published": Text("{resource} is in the catalogue", "{resource} 已发布到目录"),
    "approved": Text(
        "application {application} granted: {grant} for {consumer} on {resource}, valid until {until}",
        "申请 {application} 已批准：授权 {grant}，使用部门 {consumer}，资源 {resource}，有效期至 {until}",
    ),
    "accepted": Text(
        "application {application} of {consumer} accepted; it awaits approval or refusal",
        "已受理 {consumer} 的申请 {application}，待批准或拒绝",
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
    "platform_connected": Text(
        "connected to the platform; changes of grants are heard at once", "已连接平台，授权变更即时获知"
    ),
    "platform_away": Text(
        "NOT connected to the platform; changes of grants are not heard", "未连接平台，无法获知授权变更"
    ),
    "catching_up": Text(
        "not caught up: no session is opened before the platform has told which grants it has stopped",
        "尚未同步：在获知平台已停止哪些授权之前不开启会话",
    ),
    "signing_key": Text(
        "public signing key {id}: {key} (departments compare it with the one they keep)",
        "签名公钥 {id}：{key}（供使用部门与其留存的公钥核对）",
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
    "matter": Text("matter", "办理事项"),
    "agreement": Text("security agreement", "安全协议"),
    "none": Text("none", "无"),
    "yes": Text("yes", "是"),
    "no": Text("no", "否"),
    # Applications: where they stand, and the clock of the decision.
    "submitted": Text("submitted", "待受理"),
    "accepted_state": Text("accepted", "已受理"),
    "granted": Text("granted", "已批准"),
    "refused_state": Text("refused", "已拒绝"),
    "withdrawn": Text("withdrawn", "已撤回"),
    "expired": Text("expired", "已过期"),
    "due": Text("due", "办理期限"),
    "clock": Text("time left", "剩余时间"),
    "days_left": Text("working days left: {days}", "剩余工作日：{days}"),
    "due_today": Text("due today", "今日到期"),
    "overdue": Text("OVERDUE, working days: {days}", "已逾期，工作日：{days}"),
    "reminder": Text("reminded", "已提醒"),
    "escalated": Text("escalated to the platform", "已上报平台"),
    "provisional": Text("provisional date", "日期暂定"),
    "decided_by": Text("decided by {by}: {state}", "已由 {by} 办结：{state}"),
    # Modes and granularities, and who learns what in them.
    "mode": Text("mode", "比对方式"),
    "keyed": Text("keyed", "密态"),
    "oblivious": Text("oblivious", "匿踪"),
    "granularity": Text("granularity", "粒度"),
    "each_record": Text("each record", "逐条"),
    "totals_only": Text("totals only", "仅汇总"),
    "leakage": Text(
        "{mode}, {granularity} ({id}), who learns what:", "{mode}，{granularity}（{id}），各方获知的信息："
    ),
    "provider_learns": Text("  the provider: {what}", "  提供部门：{what}"),
    "consumer_learns": Text("  the consumer: {what}", "  使用部门：{what}"),
    "platform_learns": Text("  the platform: {what}", "  平台：{what}"),
    # Grants: what they allow and whether they may be used.
    "grant": Text("grant", "授权"),
    "version": Text("version", "版本"),
    "until": Text("valid until", "有效期至"),
    "left_per_day": Text("left today / a day", "今日剩余／每日条数"),
    "conditions": Text("conditions", "限定条件"),
    "recorded": Text("recorded by the platform", "平台已备案"),
    "case_number": Text("case number", "须填案件编号"),
    "operators": Text("operators named: {count}", "限定经办人：{count}"),
    "totals_from": Text("totals from {minimum:,}", "汇总数不低于 {minimum:,}"),
    "lists_from": Text("lists from {minimum:,} records", "名单不少于 {minimum:,} 条"),
    "noise": Text("noise of epsilon {epsilon:g}", "加噪 epsilon {epsilon:g}"),
    "noise_within": Text(
        "noise of epsilon {epsilon:g}, {budget:g} in all", "加噪 epsilon {epsilon:g}，合计 {budget:g}"
    ),
    "active": Text("active", "有效"),
    "suspended": Text("suspended by {by}, {since}: {reason}", "被{by}暂停，{since}：{reason}"),
    "revoked": Text("revoked by {by}, {since}: {reason}", "被{by}撤销，{since}：{reason}"),
    "by_provider": Text("the provider", "提供部门"),
    "by_platform": Text("the platform", "平台"),
    "by_breaker": Text("the miss-ratio breaker", "未命中比例熔断"),
    "by_detector": Text("the sequence detector", "连号检测"),
    "changed": Text("grant {grant}: {state}", "授权 {grant}：{state}"),
    "amended": Text(
        "grant {grant} is now version {version}, valid until {until}",
        "授权 {grant} 已变更为第 {version} 版，有效期至 {until}",
    ),
    "confirm_revoke": Text("Revoke grant {grant} for good?", "确定撤销授权 {grant}？撤销后不可恢复"),
    # Keys.
    "epoch": Text("epoch", "序号"),
    "key_id": Text("key id", "密钥标识"),
    "made": Text("made", "生成时间"),
    "current": Text("current", "当前"),
    "earlier": Text("earlier", "旧"),
    "keys_plain": Text(
        "WARNING: key files without encryption: {files}; "
        "set [keys] in node.toml, then run provider-node keys encrypt",
        "警告：以下密钥文件未加密：{files}；请在 node.toml 设置 [keys]，再运行 provider-node keys encrypt",
    ),
    "key_rotated": Text(
        "{purpose} has a new key, epoch {epoch}: {id}", "{purpose} 已启用新密钥，序号 {epoch}：{id}"
    ),
    "key_rotated_builds": Text(
        "each resource uses it from its next build on; until then the one before goes on working",
        "各资源自下次建库起使用新密钥，此前旧密钥继续有效",
    ),
    "keys_pruned": Text("keys removed: {count}", "已清除密钥 {count} 个"),
    "keys_encrypted": Text("key files encrypted: {count}", "已加密密钥文件 {count} 个"),
    "keys_decrypted": Text(
        "key files written without encryption: {count}; now remove [keys] from node.toml",
        "已解密密钥文件 {count} 个；请删除 node.toml 中的 [keys]",
    ),
    "passphrase_changed": Text(
        "the key files are opened by the new one from now on; "
        "have [keys] in node.toml name it before the next start",
        "密钥文件自此由新口令或新密钥文件打开；请在下次启动前让 node.toml 的 [keys] 指向它",
    ),
    "keys_split": Text(
        "{shares} shares in {directory}, any {threshold} recover the keys; "
        "hand each to another person, keep key-set.json elsewhere, delete the directory",
        "已在 {directory} 生成 {shares} 份，任意 {threshold} 份可恢复；"
        "请分交不同人员，另行保存 key-set.json，并删除该目录",
    ),
    "keys_recovered": Text(
        "the keys are recovered; compare the id of the signing key: {id}",
        "密钥已恢复；请核对签名密钥标识：{id}",
    ),
    # Replicas.
    "replica_added": Text(
        "replica {name} is on the list; its certificate is valid until {until}\n"
        "next: copy {file} to its machine by a safe way, and there: "
        "provider-node replica serve FILE --data DIR --listen HOST:PORT",
        "只读副本 {name} 已列入名单，证书有效期至 {until}\n"
        "下一步：通过安全途径将 {file} 复制到副本机器，并在该机器上运行："
        "provider-node replica serve 文件 --data 目录 --listen 地址:端口",
    ),
    "replica_secret": Text(
        "whoever has {file} can get this node's keys for as long as {name} is on the list; "
        "delete it here once it is copied",
        "在 {name} 列入名单期间，任何持有 {file} 的人都能取得本节点的密钥；复制后请在本机删除",
    ),
    "confirm_replica_remove": Text(
        "Remove replica {name}? It answers nobody from then on", "确定移除只读副本 {name}？此后它不再提供服务"
    ),
    "replica_removed": Text(
        "replica {name} is on the list no more; it has had the node's keys: "
        "if its machine may be in other hands, rotate them",
        "只读副本 {name} 已移出名单；它曾持有本节点的密钥：如其机器可能已被他人控制，请轮换密钥",
    ),
    "replica": Text("replica", "只读副本"),
    "added_at": Text("added", "添加时间"),
    "connected_since": Text("connected since {since}", "自 {since} 起已连接"),
    "not_connected": Text("not connected", "未连接"),
    "address": Text("address", "地址"),
    "open_sessions": Text("sessions open", "进行中的会话"),
    # Backup.
    "backed_up": Text(
        "backup of node {node} written to {file}: {files} files, {size} MB; "
        "keep it and its passphrase in different places",
        "节点 {node} 已备份至 {file}：{files} 个文件，{size} MB；请将备份与其口令分开保管",
    ),
    "not_backed_up": Text(
        "left out: {path} is no part of a node's data; if it holds keys, keep it safe, or remove it",
        "未备份：{path} 不属于节点数据；如其中有密钥，请另行妥善保管或删除",
    ),
    "restored": Text(
        "node {node} restored in {directory} as of {made}; never run it beside the one before; "
        "next: provider-node build each resource, then provider-node serve",
        "节点 {node} 已恢复至 {directory}，时点 {made}；切勿与原节点同时运行；"
        "下一步：对各资源运行 provider-node build，再运行 provider-node serve",
    ),
    "replicas_restored": Text(
        "replicas on the list as of then: {names}; before you serve, run provider-node replica remove NAME "
        "for each that was removed since: the node would give it its keys again",
        "备份时名单上的副本：{names}；启动节点之前，请对此后已移除的每个副本运行 "
        "provider-node replica remove 名称，否则节点会再次向其发送密钥",
    ),
    # Limits.
    "per_session": Text("records a session", "每次会话条数"),
    "per_day": Text("records a day", "每日条数"),
    "sessions_per_minute": Text("sessions a minute", "每分钟会话数"),
    "attempts": Text("attempts a subject and day", "每主体每日核验次数"),
    "miss_ratio": Text("miss ratio", "未命中比例"),
    "miss_sample": Text("misses in a row", "连续未命中"),
    "sequence_run": Text("sequence", "连号"),
    "count_minimum": Text("smallest total told", "最小汇总数"),
    "noise_epsilon": Text("epsilon a session", "每次 epsilon"),
    "noise_budget": Text("epsilon in all", "epsilon 总额"),
    "off": Text("off", "关闭"),
    "used_today": Text("used today", "今日已用"),
    "left_today": Text("left today", "今日剩余"),
    # Definitions of resources.
    "definition_ok": Text(
        "{resource}: ok, {rows:,} rows of the source looked at",
        "{resource}：定义无误，已检查来源 {rows:,} 行",
    ),
    "definition_same": Text("nothing changes", "没有变化"),
    "definition_stored": Text(
        "{resource}: version {version} is stored and holds", "{resource}：第 {version} 版已保存并生效"
    ),
    "confirm_definition": Text(
        "Store this as version {version} of {resource}?", "确定保存为 {resource} 第 {version} 版？"
    ),
    "needs_build": Text(
        "what it changes in the index holds from the next build on: provider-node build {resource}",
        "索引内容的变更自下次建库起生效：provider-node build {resource}",
    ),
    "needs_publish": Text(
        "the catalogue entry changes: provider-node publish {resource}",
        "目录条目有变更：provider-node publish {resource}",
    ),
    "stored_at": Text("stored", "保存时间"),
    "administrator": Text("by", "经办人"),
    "edited_by_hand": Text("(edited by hand)", "（手工编辑）"),
    "sha256": Text("SHA-256", "SHA-256 摘要"),
    "drafted": Text(
        "draft written to {file}; look at lines that say 'check', then: provider-node resource check {file}",
        "草稿已写入 {file}；请核对所有标有 check 的行，然后运行：provider-node resource check {file}",
    ),
    # The node's own log.
    "number": Text("number", "编号"),
    "finished": Text("finished", "完成时间"),
    "operator": Text("operator", "经办人"),
    "case": Text("case number", "案件编号"),
    "records": Text("records", "条数"),
    "found": Text("found", "命中"),
    "end": Text("end", "结束方式"),
    "delivered": Text("at the platform", "已送达平台"),
    "damaged": Text("DAMAGED", "已损坏"),
    "end_complete": Text("complete", "完成"),
    "end_cut_by_consumer": Text("cut by the consumer", "使用部门中断"),
    "end_cut_by_node": Text("cut by the node", "节点中断"),
    "end_node_crashed": Text("node crashed", "节点崩溃"),
    "more_receipts": Text(
        "there may be more than these {limit}; raise --limit or narrow the search",
        "仅显示前 {limit} 份，可能还有更多；请调大 --limit 或缩小范围",
    ),
    "exported": Text("{count} receipts written to {file}", "已将 {count} 份回执写入 {file}"),
    "verifying": Text("verifying", "正在校验"),
    "one_receipt": Text("receipt {first}: ", "回执 {first}："),
    "receipts_from_to": Text("receipts {first} to {last}: ", "回执 {first} 至 {last}："),
    "fault_damaged": Text("damaged at this node, cannot be read", "本节点保存的内容已损坏，无法读取"),
    "fault_missing": Text("missing from the chain", "链中缺失"),
    "fault_signature": Text("not signed by a key of this node", "签名不是本节点密钥所作"),
    "fault_old_key": Text(
        "signed by an earlier key after a later one was in use", "启用新密钥后仍由旧密钥签名"
    ),
    "fault_number": Text("says another number than its place", "所载编号与所在位置不符"),
    "fault_previous_hash": Text(
        "does not name the receipt before it; one of the two is not the original",
        "与前一份回执的摘要不符，两者之一不是原件",
    ),
    "fault_inconsistent": Text(
        "contradicts itself or this node: {field}", "内容自相矛盾或与本节点不符：{field}"
    ),
    "fault_grant_unknown": Text("names a grant that this node has not signed", "所载授权并非本节点签署"),
    "fault_grant_differs": Text("is not what its grant is about: {field}", "与所载授权不符：{field}"),
    "fault_confirmed_missing": Text(
        "confirmed by the platform, but no longer in this node's state",
        "平台已确认收到，但本节点状态中已不存在",
    ),
    "chain_whole": Text("{count} receipts verified; the chain is whole", "已校验 {count} 份回执，链完整"),
    "chain_broken": Text(
        "{count} receipts read, {faults} faults; the first broken link is receipt {first}",
        "已读取 {count} 份回执，发现 {faults} 处问题；首个断点为回执 {first}",
    ),
    "differs_missing": Text(
        "MISSING from the platform's log, which had confirmed it", "平台日志中缺失，而平台曾确认收到"
    ),
    "differs_waiting": Text("not delivered to the platform yet", "尚未送达平台"),
    "differs_unknown": Text(
        "in the platform's log, but not in this node's chain", "平台日志中有，而本节点链中没有"
    ),
    "differs_content": Text(
        "other content in the platform's log than in this node's chain", "平台日志中的内容与本节点链中的不同"
    ),
    "differs_shown": Text(
        "the same receipt, but the platform's log shows it with another value of: {field}",
        "回执相同，但平台日志显示的字段值不同：{field}",
    ),
    "differs_order": Text("shown twice or out of order by the platform's log", "平台日志重复显示或顺序有误"),
    "reconciled": Text(
        "{node} receipts here, {platform} in the platform's log, {agree} agree; differences: {differences}",
        "本节点 {node} 份回执，平台日志 {platform} 份，一致 {agree} 份；差异：{differences}",
    ),
}
