"""What intake itself finds wrong with a row or a batch, in words; the contract has words of its own."""

from typing import Any, Final

from rider_hub.errors import Conflict, Failure, HubError, Invalid

__all__ = ["fault", "row_words", "warning", "whole", "whole_words"]

#: Code → sentences about a row; {..} holds limits, never a value of the row.
_ROWS: Final[dict[str, tuple[str, str]]] = {
    "updated_at_in_future": (
        "更新时间比接收时间晚 {minutes} 分钟以上。请校准时钟后重报。",
        "updated_at is more than {minutes} minutes after receipt. Set the clock and send again.",
    ),
    "community_unknown": (
        "区划代码表中没有此社区代码。请核对代码，或请区县更新代码表。",
        "The code table has no such community. Check the code, or ask the county to update its table.",
    ),
    "id_hash_key_unknown": (
        "这个散列值不是用本区县的证件号码密钥算的（密钥编号应为 {key}）。请核对密钥，重新计算后再报。",
        "This hash is not under the county's key (its id is {key}). Check the key and hash again.",
    ),
    "community_outside_county": (
        "此社区不在协议约定的区县。请只报送本区县的骑手和站点。",
        "The community is not in the agreement's county. Send only this county's riders and stations.",
    ),
    "station_not_bound": (
        "只能报送本链接或本企业的站点。请核对站点编号；站点编号由平台分配，不能留空或写别的站点。",
        "Only riders of this link's or this partner's own stations are taken here. Check station_ref.",
    ),
    "rider_not_bound": (
        "本站点没有这个骑手编号的登记，或这名骑手现登记在别处。请核对编号；调入的骑手请原站点或平台先报离开。",
        "No rider of this reference is registered here, or they are registered elsewhere now. Check it.",
    ),
    "phone_not_by_link": (
        "这名骑手已有手机号，不能通过上报链接填写。请清空此格；要改请由平台或合作企业账号报送。",
        "This rider has a phone already, which no link changes. Leave it empty; an account can change it.",
    ),
    "number_not_by_link": (
        "证件号码不能通过上报链接报送。请删掉这一列，确需报送的由平台报送。",
        "Identity numbers are not taken by a link. Leave the column out.",
    ),
    "category_unknown": (
        "没有这一类诉求。可用：{words}。请改正后重报，勿以“其他”代替心理、法律类。",
        "There is no such category of request. There are: {words}.",
    ),
    "frame_suspect": (
        "整批坐标与各行自述的街道不符，疑似坐标系有误，整批暂存。请核对坐标系。",
        "The batch's points do not fit the streets its rows state: the frame seems wrong. The batch is held.",
    ),
}
_WARNINGS: Final[dict[str, tuple[str, str]]] = {
    "duplicate_in_batch": (
        "同一骑手或站点在本批中有更新的版本，此行未采用。",
        "The batch holds a greater version of the same key; this row was not used.",
    ),
    "version_conflict": (
        "更新时间和记录编号相同但内容不同，已按固定规则取其一。请为每次修改使用新的记录编号。",
        "Same updated_at and record_id, other content: one was taken by a fixed rule. Use new record_ids.",
    ),
    "differs_from_confirmed": (
        "此行有内容与骑手本人核对过的不一致，本系统按核对后的保存。请核对平台的登记。",
        "A value differs from what the rider confirmed; the confirmed one is kept. Check yours.",
    ),
    "work_area_changes_look_like_track": (
        "这名骑手的常跑片区变动过于频繁，像是行踪轨迹，已暂缓使用、待工作人员核对。请只报常跑的片区，不报实时位置。",
        "This rider's work area changes like a track and waits for review. Send where they usually work.",
    ),
    "absent_from_snapshot": (
        "最新的全量中没有这名骑手，此行又早于该全量，因此按已离开计。如仍在册，请用更晚的 updated_at 重报。",
        "A snapshot newer than this row leaves the rider out, who counts as left. Send a later updated_at.",
    ),
    "outside_snapshot_scope": (
        "这份全量只说一个站点，此行属于另一站点或不属于站点。已照常入库，但不影响全量的核对。",
        "The snapshot is of one station, this row is not of it: stored, but it says nothing of the station.",
    ),
    "snapshot_scope_unknown": (
        "全量所写的站点（rfs-scope）没有报送过，也没有骑手属于它，因此没有人受影响。请核对站点编号。",
        "No station and no rider of yours has the reference in rfs-scope, so nobody is affected. Check it.",
    ),
    "request_changed": (
        "这个记录编号的诉求已按首次报送的内容受理，此次内容不同，未采用。新的诉求请用新的记录编号。",
        "The request of this record_id was filed with its first words; these are others and were not used.",
    ),
    "request_anonymous": (
        "没有这个骑手编号的登记，诉求已受理，按匿名办理，骑手在本系统看不到进展。",
        "No registration has this rider reference: the request was filed without a rider.",
    ),
    "not_stored": (
        "这条登记不在保存范围内，未保存。其他登记不受影响，无需重报。",
        "This registration is not one the hub keeps, so it was not stored. Nothing is to be sent again.",
    ),
    "list_cut": (
        "条目过多，此处只列前 {limit} 条；其余见待修正数据。",
        "Too many entries: the first {limit} are listed, the rest stand in the quarantine.",
    ),
}
_WHOLES: Final[dict[str, tuple[type[HubError], str, str]]] = {
    "idempotency_key_reused": (
        Invalid,
        "这个幂等键已用于另一份内容。请为新内容使用新的键。",
        "This Idempotency-Key was used with another body. Use a new key for new content.",
    ),
    "basis_missing": (
        Invalid,
        "B 类登记含姓名、手机号，须写明依据：--basis separate_consent（单独同意）或 legal_duty。",
        "Tier B has names and phones and needs its basis: --basis separate_consent or legal_duty.",
    ),
    "message_id_reused": (
        Conflict,
        "这个 webhook-id 已用于另一次报送或检查，每次请用新的。重试须内容、类别、幂等键和全量声明都相同。",
        "This webhook-id came with another body, feed, key or declaration, or a check: use a new one.",
    ),
    "batch_in_progress": (
        Conflict,
        "同一幂等键的报送正在处理，请稍后用同一键重试。",
        "A push with this Idempotency-Key is being handled; try again shortly with the same key.",
    ),
    "receipt_not_held": (
        Conflict,
        "这一批没有暂存的数据，无需放行。",
        "This batch is not held: there is nothing to release.",
    ),
    "frame_still_suspect": (
        Invalid,
        "按所选坐标系，各点与自述街道的相符程度明显低于另一坐标系。请改选，或退回报送方核实。",
        "Under this frame the points fit their stated streets clearly worse than under another.",
    ),
    "mapping_of_another": (
        Invalid,
        "这份字段对照是另一家平台的（platform 不符）。",
        "This mapping is another platform's: its platform is not this sender.",
    ),
    "mapping_tier_differs": (
        Invalid,
        "字段对照的类别（tier）须与协议一致。",
        "The mapping's tier must be the agreement's.",
    ),
    "mapping_frame_differs": (
        Invalid,
        "坐标系与协议约定的不同。请核对；要改协议，请联系区县。",
        "The agreement says another frame. Check it, or have the agreement changed.",
    ),
    "mapping_unknown_differs": (
        Invalid,
        "遇到未知字段是拒收还是丢弃，由区县在协议中约定，平台不能自行改动（unknown）。",
        "Whether unknown fields are refused or discarded is the county's to say, not the platform's.",
    ),
    "mapping_rhythm_differs": (
        Invalid,
        "多久报一次由区县在协议中约定，平台不能自行改动（every_hours）。",
        "How often a feed comes is agreed with the county: every_hours is not the platform's to change.",
    ),
    "sender_exists": (
        Conflict,
        "该平台已登记为报送方。",
        "This platform is registered as a sender already.",
    ),
    "keys_full": (
        Conflict,
        "有效的密钥已经够数（签名密钥两把，测试密钥一把）。请先停用不再使用的，再生成新的。",
        "As many keys are live as may be (two for signing, one for tests): remove one first.",
    ),
    "key_last": (
        Conflict,
        "这是最后一把签名密钥，停用后贵平台的报送会全部被拒收。建议先生成新的、换上后再停用。",
        "This is the last signing key: without it every push is refused. Make a new one first.",
    ),
    "key_unproved": (
        Conflict,
        "另一把密钥还没有用过。停用这一把，还没换上新密钥的程序会被拒收。请先换上新密钥，报送一次后再停用。",
        "The other key was never used: programs that still sign with this one would be refused.",
    ),
    "topic_taken": (
        Conflict,
        "这个主题是另一报送方的数据流。一个主题只属于一个报送方。",
        "This topic is another sender's stream. A topic belongs to one sender.",
    ),
    "row_not_kept": (
        Conflict,
        "这一行没有留存内容，不能重新入库。请报送方修正后重报。",
        "Nothing of this row was kept, so it can't be replayed. Have it sent again.",
    ),
    "rows_one_by_one": (
        Conflict,
        "这些行涉及报送人以外的站点、骑手或已有的号码，不能整批重新入库。请在待修正数据里逐行打开核对。",
        "These rows are of other stations or riders than the sender's own: open and decide each of them.",
    ),
    "field_not_mendable": (
        Invalid,
        "只能修改表单里列出的标准字段，或去掉标准中没有的字段。请重新打开这一行再改。",
        "Only listed fields of the standard can be changed, and unknown ones left out. Open the row again.",
    ),
    "row_not_json": (
        Invalid,
        "修正后的内容读不出来。请检查大括号、引号和逗号是否成对、是否漏写，再重新入库。",
        "The mended row can't be read as one JSON object: check braces, quotes and commas.",
    ),
    "feed_not_offered": (
        Invalid,
        "没有这一类数据。可报送：station（站点）、registration（骑手登记）、request（诉求）。",
        "There is no such feed. There are: station, registration, request.",
    ),
    "snapshot_not_offered": (
        Invalid,
        "全量只用于 registration（骑手登记）。其他数据请按变化报送（rfs-mode: changes）。",
        "Snapshots are for registrations alone. Send other feeds as changes (rfs-mode: changes).",
    ),
    "snapshot_closed": (
        Conflict,
        (
            "这份全量名册已收齐，这一部分未接收。rfs-total 是整份名册各部分合计的行数，不是每一部分的。"
            "迟到的行请按变化报送（不写 rfs-mode），或用新的 rfs-snapshot 重报整份。"
        ),
        (
            "All rows of this snapshot have come, so this part was not taken. rfs-total is of the whole "
            "snapshot, not of a part. Send late rows as changes, or all of it under a new rfs-snapshot."
        ),
    ),
    "snapshot_not_whole": (
        Conflict,
        "收到的行数与声明的不一致，不能放行。请作废，由平台用新的名册编号重报。",
        "Other than the declared number of rows came: this snapshot can't be released, only dropped.",
    ),
    "snapshot_not_proved": (
        Invalid,
        "全量的文本文件须附校验文件（sha256sum 文件 > 文件.sha256），否则被截断也看不出；工作簿不用。",
        "A snapshot as a text needs a .sha256 beside it: cut at a line's end, it could not be told.",
    ),
    "feed_not_bound": (
        Invalid,
        "合作企业和站点上报链接只报送骑手登记。站点和诉求由平台报送。",
        "Partners and links of stations hand in registrations alone; the platform sends the rest.",
    ),
    "snapshot_not_bound": (
        Invalid,
        "全量只能是自己的一个站点的。请选择站点后再报。",
        "A snapshot handed in here is of one of your own stations. Choose the station.",
    ),
    "partner_not_one": (
        Invalid,
        "这个账号没有写明、或写明了不止一家合作企业，不能报送。请安全管理员核对账号的范围。",
        "This account names no partner, or several: it can't hand in. Have its scope looked at.",
    ),
    "stations_changed": (
        Conflict,
        "处理期间站点或骑手的登记有变动，其余的行没有入库。请半分钟后把同一份文件再报一次。",
        "Stations or riders changed meanwhile: send the same file once more in half a minute.",
    ),
    "no_row_usable": (
        Invalid,
        "这一批没有一行可用，逐行的原因见 errors。可以留存的行在待修正的行里；改正后重报，或在页面上修正。",
        "No row can be used: errors says why, row by row. What may be kept waits in quarantine to be mended.",
    ),
    "file_not_taken": (
        Conflict,
        "没有报送过这份文件。请先报送，或选择报送过的那一份；全量、增量和截至时间也要与报送时相同。",
        "No such file was taken. Send it first, or choose the one that was, with the same words.",
    ),
    "not_configured": (
        Invalid,
        "该平台没有配置拉取地址或文件目录。",
        "No pull address or folder is set for this platform.",
    ),
    "idempotency_key_invalid": (
        Invalid,
        "幂等键应为 1 到 128 个可见 ASCII 字符。",
        "Idempotency-Key must be 1 to 128 visible ASCII characters.",
    ),
}

#: Code → seconds after which the same is worth sending again.
_AGAIN_S: Final = {"batch_in_progress": 5, "stations_changed": 30}


def fault(row: int, path: str, code: str, **limits: Any) -> Failure:
    """Put a fault of a row into words."""
    zh, en = _ROWS[code]
    return Failure(row=row, path=path, code=code, zh=zh.format(**limits), en=en.format(**limits))


def warning(row: int, code: str, **limits: Any) -> dict[str, Any]:
    """Put a warning about a row that was taken in into words."""
    zh, en = _WARNINGS[code]
    return {"row": row, "code": code, "zh": zh.format(**limits), "en": en.format(**limits)}


def row_words() -> dict[str, tuple[str, str]]:
    """Return the sentences of all codes of rows that intake itself finds, with limits as {names}."""
    return dict(_ROWS)


def whole_words() -> dict[str, tuple[str, str]]:
    """Return the sentences of all codes of wholes."""
    return {code: (zh, en) for code, (_, zh, en) in _WHOLES.items()}


def whole(code: str) -> HubError:
    """Return the error for a batch or a request as a whole."""
    kind, zh, en = _WHOLES[code]
    error = kind(zh, en, code=code)
    error.retry_after = _AGAIN_S.get(code)
    return error
