"""What the senders' routes take and answer, for the published document."""

from typing import Any, Final

from connectors.records import RECORD_TYPES
from connectors.requirements import Requirements
from connectors.transport.http_push import MAX_ELEMENTS, MAX_LINES
from connectors.transport.signatures import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from connectors.versions import VERSION_HEADER, versions
from rider_hub.intake.answers import CheckAnswer, ReceiptAnswer
from rider_hub.intake.model import FEED_TITLES, FEEDS
from rider_hub.web.describing import Answer, Body, Description, Given

__all__ = ["CHECK", "PUSH", "RECEIPT", "REQUIREMENTS", "SIGNATURE"]

SIGNATURE: Final = "signature"
"""The name of the security scheme of senders."""

_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"}
_SIGNED: Final = (
    Given(ID_HEADER, "header", "每次请求唯一的编号", "an id of this request alone", _TEXT),
    Given(
        TIMESTAMP_HEADER,
        "header",
        "签名时间：1970 年以来的秒数，与本系统相差 5 分钟以内",
        "seconds since 1970, within 5 minutes",
        {"type": "string", "pattern": "^[0-9]{1,12}$"},
    ),
    Given(
        SIGNATURE_HEADER,
        "header",
        (
            "v1,（HMAC-SHA256）或 v1sm3,（HMAC-SM3）加上 Base64；所签为 编号.时间.正文；可并列多个。"
            "用测试密钥（whtest_）签名的，照常检查和答复，什么也不保存"
        ),
        (
            "v1, (HMAC-SHA256) or v1sm3, (HMAC-SM3) and the base64 over id.timestamp.body; several may "
            "stand. By a test key (whtest_): checked and answered as ever, and nothing is stored"
        ),
        {"type": "string", "minLength": 1},
    ),
)
_VERSION: Final = Given(
    VERSION_HEADER,
    "header",
    "所用的骑手数据标准版本，不写即 1.0；同一主版本的其他次版本也收",
    "the version of the Rider Feed Standard spoken; absent is 1.0, other minor versions are taken, too",
    {"enum": [one.name for one in versions().version]},
    required=False,
)
_PLATFORM: Final = Given(
    "platform",
    "path",
    "登记时约定的平台代号",
    "the platform's code as registered",
    {"type": "string", "minLength": 1, "pattern": "^[!-.0-~]+$"},
)
_TYPE: Final = Given(
    "type",
    "path",
    "数据类别：" + "、".join(f"{name}（{title}）" for name, title in FEED_TITLES.items()),
    "what the rows are",
    {"enum": list(FEEDS)},
)
_KEY: Final = Given(
    "Idempotency-Key",
    "header",
    "幂等键：一批数据一个；未得到答复时用同一键、同一字节重发",
    "one a batch; repeat the same bytes under it until answered. Without it the webhook-id serves",
    {**_TEXT, "pattern": "^[ -~]*[!-~]$"},
    required=False,
)
_SNAPSHOT: Final = tuple(
    Given(name, "header", zh, en, schema, required=False)
    for name, zh, en, schema in (
        (
            "rfs-mode",
            "snapshot 表示全量（只用于骑手登记），不写或 changes 表示增量",
            "snapshot: the batch is the whole of a scope (registrations alone); changes is the default",
            {"enum": ["changes", "snapshot"]},
        ),
        (
            "rfs-scope",
            "全量名册的范围：county，或 station: 加站点编号",
            "the scope of a snapshot: county, or station: and a reference",
            {"type": "string", "pattern": "^(county|station:[!-~]{1,128})$"},
        ),
        (
            "rfs-as-of",
            "全量名册的截至时间，带时区",
            "the time of a snapshot",
            {"type": "string", "format": "date-time"},
        ),
        (
            "rfs-total",
            "整份全量名册的总行数，各部分合计（不是每一部分的）",
            "how many rows all parts of a snapshot have together, not this part alone",
            {"type": "string", "pattern": "^[0-9]{1,7}$"},
        ),
        (
            "rfs-snapshot",
            "全量名册的编号，分几批报送时各批相同",
            "the name of a snapshot that comes in several batches",
            {"type": "string", "pattern": "^[!-~]{1,128}$"},
        ),
    )
)
_ENCODING: Final = Given(
    "Content-Encoding",
    "header",
    "可用 gzip；签名按压缩后的字节",
    "gzip, where the body is compressed; the signature is over the bytes as sent",
    {"enum": ["gzip", "identity"]},
    required=False,
)


def _rows() -> dict[str, Any]:
    named = [{"$ref": f"#/components/schemas/{RECORD_TYPES[name].__name__}"} for name in FEEDS]
    other = {
        "description": "Anything else is answered as a refused row: one bad row does not stop the others."
    }
    return {"anyOf": [*named, other]}


_BODY: Final = Body(
    f"JSON 数组（至多 {MAX_ELEMENTS:,} 行）或 NDJSON（一行一条，至多 {MAX_LINES:,} 行），每行一条登记信息",
    f"A JSON array (at most {MAX_ELEMENTS:,} rows) or NDJSON (at most {MAX_LINES:,} lines), one record a row",
    {
        "application/json": {"type": "array", "items": _rows()},
        "application/x-ndjson": {"description": "one JSON object a line, each as an item of the array"},
    },
    {
        "application/json": [
            {
                "record_id": "R-1024-1",
                "platform_rider_ref": "R-1024",
                "employment": "dedicated",
                "station_ref": "S-7",
                "effective_at": "2026-11-01T00:00:00+08:00",
                "updated_at": "2026-11-24T09:30:00+08:00",
            }
        ]
    },
)
_RECEIVED: Final = {
    "Location": "where the receipt is read again; none of a test / 回执地址，测试没有",
    "Idempotent-Replayed": "true where an earlier try had been answered / 重试时为 true",
    VERSION_HEADER: "the version answered in / 本系统所用版本",
    "Deprecation": "set once the end of this version is announced / 版本停用预告",
    "Sunset": "the day from which this version is refused / 版本停用日",
}
_SIGNATURE_WRONG: Final = ("signature_missing", "signature_invalid", "timestamp_out_of_tolerance")
_UNREADABLE: Final[dict[int, tuple[str, ...]]] = {
    400: ("file_empty", "json_unreadable", "gzip_unreadable"),
    401: _SIGNATURE_WRONG,
    413: ("body_too_large", "inflated_too_large", "too_many_rows", "row_too_large"),
    415: ("content_type_unknown", "content_encoding_unknown"),
    422: ("feed_not_offered", "rfs_version_invalid", "rfs_version_unsupported"),
}

PUSH: Final = Description(
    "pushFeed",
    "报送一批数据",
    "Push a batch",
    (
        Answer(
            "回执；至少有一行可用。一行都不可用时是 422，错误旁边有回执的各项",
            "The receipt; some row can be used. Where none can, 422 has its members beside the problem's",
            ReceiptAnswer,
            headers=_RECEIVED,
        ),
        Answer(
            "整批暂存：坐标系疑似有误，等区县确认，无需重报",
            "The receipt of a batch held whole, since its frame looks wrong; the county asks",
            ReceiptAnswer,
            status=202,
            headers=_RECEIVED,
        ),
    ),
    (_PLATFORM, _TYPE, *_SIGNED, _KEY, _VERSION, *_SNAPSHOT, _ENCODING),
    _BODY,
    {
        **_UNREADABLE,
        409: ("batch_in_progress", "message_id_reused", "snapshot_differs", "snapshot_closed"),
        422: (
            *_UNREADABLE[422],
            "no_row_usable",
            "idempotency_key_invalid",
            "idempotency_key_reused",
            "snapshot_invalid",
            "snapshot_not_offered",
        ),
    },
    SIGNATURE,
)
CHECK: Final = Description(
    "checkFeed",
    "检查一批数据，不保存",
    "Check a batch and store nothing",
    (Answer("检查结果", "What a push would refuse", CheckAnswer),),
    (_PLATFORM, _TYPE, *_SIGNED, _VERSION, _ENCODING),
    _BODY,
    {**_UNREADABLE, 409: ("message_id_reused",)},
    SIGNATURE,
)
RECEIPT: Final = Description(
    "readReceipt",
    "再读回执",
    "Read a receipt again",
    (Answer("回执", "The receipt", ReceiptAnswer),),
    (
        Given(
            "id",
            "path",
            "回执编号",
            "the receipt's id",
            {"type": "string", "minLength": 1, "pattern": "^[!-.0-~]+$"},
        ),
        *_SIGNED,
    ),
    errors={401: ("signature_missing", "timestamp_out_of_tolerance"), 404: ("not_found",)},
    security=SIGNATURE,
)
REQUIREMENTS: Final = Description(
    "readRequirements",
    "本协议要报什么、不得报什么（机读）",
    "What the agreement requires, allows and forbids",
    (Answer("字段要求", "The requirements", Requirements),),
    (_PLATFORM, *_SIGNED, _VERSION),
    errors={401: _SIGNATURE_WRONG, 422: ("rfs_version_invalid", "rfs_version_unsupported")},
    security=SIGNATURE,
)
