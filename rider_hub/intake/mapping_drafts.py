"""A mapping as a form holds it, and the manifest made of it; every fault told by its column; pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec

from connectors.fields import field_rules
from connectors.records import RECORD_TYPES, TIER_B_FIELDS, FeedType, Frame
from connectors.rules import REQUIRED_OF_UPSERT
from connectors.sources import FeedMapping, Manifest
from connectors.sources.file_form import FileForm
from connectors.sources.manifest import Axis, PointColumn
from connectors.sources.registry import is_forbidden_column, standard_paths
from connectors.sources.suggestion import rule_of
from connectors.sources.values import Form as ValueForm
from connectors.transport.sample import NAMELESS, names_in
from rider_hub.errors import Failure
from rider_hub.intake.mending import TITLES
from rider_hub.intake.model import Sender

__all__ = [
    "FORBIDDEN",
    "IGNORED",
    "POINT",
    "TIMES",
    "Draft",
    "choices_of_column",
    "choices_of_field",
    "coded_fields",
    "draft_of",
    "manifest_of",
    "required_of",
    "title_of",
]

#: What is chosen of a column besides a standard field.
IGNORED: Final = "-"
FORBIDDEN: Final = "!"
POINT: Final = "@"
#: Stated once for the whole mapping, or by the hub itself.
_NOT_OFFERED: Final = frozenset({"frame", "work_area.frame", "place.frame", "platform"})
#: Where a point of both degrees in one column goes, by feed.
_POINTS: Final[Mapping[str, str]] = {"station": "", "registration": "work_area", "request": "place"}
_Short = Annotated[str, msgspec.Meta(max_length=300)]
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "op": {"upsert": "在册", "leave": "已离开", "retract": "误报撤销"},
    "employment": {"dedicated": "专送", "crowdsourced": "众包"},
}
#: So many open columns are named one by one; more in one sentence.
_LISTED: Final = 5
#: The forms of a time; one with its offset needs none (`offset`).
TIMES: Final = frozenset({"local_time", "epoch_ms", "epoch_s"})


class Draft(msgspec.Struct, kw_only=True):
    """What a person chose. A choice of column n is `n:what`, so that one left open says nothing."""

    column: Annotated[list[_Short], msgspec.Meta(max_length=300, title="列")] = []
    target: Annotated[list[_Short], msgspec.Meta(max_length=300, title="对应字段")] = []
    form: Annotated[list[_Short], msgspec.Meta(max_length=300, title="时间的写法")] = []
    #: `field:code`, met in the sample; `field:value:code`, what it stands for.
    met: Annotated[list[_Short], msgspec.Meta(max_length=60, title="代码")] = []
    code: Annotated[list[_Short], msgspec.Meta(max_length=60, title="代码的含义")] = []
    #: Codes the sample did not have, `code=word`, by commas or lines.
    more_op: Annotated[str, msgspec.Meta(max_length=400, title="其他代码")] = ""
    more_employment: Annotated[str, msgspec.Meta(max_length=400, title="其他代码")] = ""
    #: What all rows are where the file has no such column.
    employment: Annotated[str, msgspec.Meta(max_length=16, title="配送方式")] = ""
    rest: bool = False
    named: Annotated[Literal["yes", "no", ""], msgspec.Meta(title="第一行")] = ""
    names: Annotated[str, msgspec.Meta(max_length=20_000, title="列名")] = ""
    delimiter: Annotated[
        Literal["auto", "comma", "tab", "pipe", "semicolon"], msgspec.Meta(title="分隔符")
    ] = "auto"
    escape: Annotated[Literal["none", "backslash"], msgspec.Meta(title="转义")] = "none"
    encoding: Annotated[Literal["auto", "utf-8", "gb18030"], msgspec.Meta(title="编码")] = "auto"
    nulls: Annotated[str, msgspec.Meta(max_length=200, title="空值")] = ""
    frame: Annotated[Frame | None, msgspec.Meta(title="坐标系")] = None
    axis: Annotated[Axis, msgspec.Meta(title="坐标次序")] = "lng_lat"
    zone: Annotated[Literal["Asia/Shanghai", "Asia/Urumqi", "UTC"], msgspec.Meta(title="时区")] = (
        "Asia/Shanghai"
    )
    snapshot: bool = False
    note: Annotated[str, msgspec.Meta(max_length=100, title="说明")] = ""

    def chosen(self) -> dict[str, str]:
        """Return column → what was chosen of it; a choice of no column is dropped."""
        return _by_column(self.column, self.target)

    def forms(self) -> dict[str, str]:
        """Return column → how its times are written."""
        return _by_column(self.column, self.form)

    def codes(self, path: str) -> dict[str, str]:
        """Return code → standard value of a field, those of the sample and those written beside them."""
        found = {}
        for entry in self.code:
            field, _, rest = entry.partition(":")
            value, _, code = rest.partition(":")
            if field == path and value:
                found[code] = value
        words = {word: value for value, word in choices_of_field(path)}
        for pair in _parts(_more(self, path)):
            code, _, word = pair.replace("＝", "=").partition("=")
            found[code.strip()] = words.get(word.strip(), "")
        return found

    def file_form(self) -> FileForm:
        """Return how the sample's table is written; the names are those written, where it has none."""
        return FileForm(
            delimiter=self.delimiter,
            escape=self.escape,
            encoding=self.encoding,
            header=names_in(self.names) if self.named == "no" else (),
        )

    def null_texts(self) -> tuple[str, ...]:
        """Return what stands for no value, as written with commas or lines between."""
        return tuple(dict.fromkeys(_parts(self.nulls)))


def choices_of_field(path: str, feed_type: FeedType = "registration") -> list[tuple[str, str]]:
    """Return the values of a field that is a list, each with its word."""
    offered = rule_of(feed_type, path).choices
    return [(value, word) for value, word in _WORDS[path].items() if value in offered]


def title_of(path: str, feed_type: str) -> str:
    """Return what a field is called on these pages: of a person `name` is the person's."""
    if path == "op":
        return "状态（在册或离开）" if feed_type == "registration" else "状态（在册或撤销）"
    return "姓名" if (path, feed_type) == ("name", "registration") else TITLES.get(path, path)


def coded_fields(feed_type: FeedType) -> list[str]:
    """List the fields of a feed whose values are codes of a list."""
    return [path for path in ("op", "employment") if path in standard_paths(feed_type)]


def choices_of_column(feed_type: FeedType, sender: Sender) -> list[tuple[str, str]]:
    """Return what a column may be: the fields the agreement allows, required ones first, and a point."""
    needed = required_of(feed_type)
    withheld = TIER_B_FIELDS if sender.tier == "A" and feed_type == "registration" else ()
    paths = [
        p for p in TITLES if p in standard_paths(feed_type) and p not in _NOT_OFFERED and p not in withheld
    ]
    ordered = [*(p for p in paths if p in needed), *(p for p in paths if p not in needed)]
    listed = [(path, title_of(path, feed_type) + ("（必报）" if path in needed else "")) for path in ordered]
    return [*listed, (POINT + _POINTS[feed_type], "坐标（经纬度写在一列）")]


def required_of(feed_type: FeedType) -> tuple[str, ...]:
    """List the fields without which no row that says somebody is there can be taken in."""
    rules = field_rules(RECORD_TYPES[feed_type])
    always = [name for name, rule in rules.items() if rule.required and not rule.struct]
    return (*always, *REQUIRED_OF_UPSERT[feed_type])


def draft_of(sender: Sender, feed_type: FeedType) -> Draft:
    """Return the mapping in force as a form holds it; an empty form where there is none of this feed."""
    manifest = sender.mapping
    feed = manifest.feeds.get(feed_type) if manifest else None
    if manifest is None or feed is None:
        return Draft(frame=sender.frame or (manifest.frame if manifest and _has_points(manifest) else None))
    points = {point.column: POINT + point.into for point in feed.points}
    chosen = {**feed.columns, **points, **dict.fromkeys(feed.ignore, IGNORED)}
    columns = list(feed.file.header) or list(chosen)
    numbered = [f"{n}:{chosen[name]}" for n, name in enumerate(columns) if name in chosen]
    forms = [f"{n}:{feed.forms[t]}" for n, t in _numbered(numbered) if feed.forms.get(t) in TIMES]
    codes = [f"{p}:{value}:{code}" for p, table in feed.codes.items() for code, value in table.items()]
    return Draft(
        column=columns,
        target=numbered,
        form=forms,
        met=[f"{p}:{code}" for p, table in feed.codes.items() for code in table],
        code=codes,
        employment=feed.constants.get("employment", ""),
        named="no" if feed.file.header else "yes",
        names="\n".join(feed.file.header),
        delimiter=feed.file.delimiter,
        escape=feed.file.escape,
        encoding=feed.file.encoding,
        nulls="，".join(feed.nulls),
        frame=manifest.frame if _has_points(manifest) else sender.frame,
        axis=manifest.axis,
        zone=manifest.zone if manifest.zone in ("Asia/Shanghai", "Asia/Urumqi", "UTC") else "Asia/Shanghai",  # type: ignore[arg-type]
        snapshot=feed_type in manifest.snapshots,
    )


def manifest_of(
    draft: Draft, sender: Sender, feed_type: FeedType, name_zh: str
) -> tuple[Manifest | None, list[Failure]]:
    """Return the manifest a form says, or every fault of it; the sender's other feeds stay as they are."""
    faults = list(_faults(draft, sender, feed_type))
    if faults:
        return None, faults
    before = sender.mapping
    feeds = dict(before.feeds) if before else {}
    feeds[feed_type] = _feed(draft, feed_type)
    snapshots = [one for one in (before.snapshots if before else ()) if one != feed_type]
    made: dict[str, Any] = {
        "frame": draft.frame or sender.frame or (before.frame if before else "wgs84"),
        "axis": draft.axis,
        "zone": draft.zone,
        "tier": sender.tier,
        "feeds": feeds,
        "snapshots": (*snapshots, *([feed_type] if draft.snapshot and feed_type == "registration" else [])),
    }
    if before:
        return msgspec.structs.replace(before, **made), []
    kept = {"platform": sender.platform, "name_zh": name_zh, "transport": "files", "auth": "none"}
    return Manifest(**kept, **made), []  # type: ignore[arg-type]


def _feed(draft: Draft, feed_type: FeedType) -> FeedMapping:
    chosen, forms = draft.chosen(), draft.forms()
    columns = {name: what for name, what in chosen.items() if what[:1] not in {IGNORED, POINT}}
    rest = [name for name in draft.column if name not in chosen] if draft.rest else []
    form = draft.file_form()
    if draft.named == "no":
        form = msgspec.structs.replace(form, header=tuple(draft.column))
    coded = [path for path in coded_fields(feed_type) if path in columns.values()]
    return FeedMapping(
        columns=columns,
        codes={path: table for path in coded if (table := draft.codes(path))},
        forms=dict(_value_forms(columns, forms, feed_type)),
        constants={"employment": draft.employment} if draft.employment else {},
        points=tuple(PointColumn(name, into=what[1:]) for name, what in chosen.items() if what[:1] == POINT),
        ignore=(*(name for name, what in chosen.items() if what == IGNORED), *rest),
        nulls=draft.null_texts(),
        file=form,
    )


def _value_forms(
    columns: Mapping[str, str], forms: Mapping[str, str], feed_type: FeedType
) -> Iterator[tuple[str, ValueForm]]:
    for name, path in columns.items():
        kind = rule_of(feed_type, path).kind
        if kind == "timestamp" and forms.get(name) in TIMES:
            yield path, forms[name]  # type: ignore[misc]
        elif kind == "date":
            yield path, "local_day"
        elif kind in {"number", "integer"}:
            yield path, "text_for_number"
        elif kind in {"reference", "code", "choice", "line", "extension", "phone"}:
            # A database's JSON gives whole numbers where the standard has text; text stays as it is.
            yield path, "number_for_text"


def _faults(draft: Draft, sender: Sender, feed_type: FeedType) -> Iterator[Failure]:
    chosen = draft.chosen()
    allowed = {value for value, _ in choices_of_column(feed_type, sender)} | {IGNORED}
    used: dict[str, str] = {}
    open_ = [name for name in draft.column if not draft.rest and name not in chosen]
    if len(open_) > _LISTED:
        names = "、".join(open_[:_LISTED])
        told = f"还有 {len(open_)} 列没有选择（{names}等）：请逐列选择，或勾“没有选择的列一律忽略”。"
        yield _fault("rest", "missing", told)
    for number, name in enumerate(draft.column):
        what = chosen.get(name, IGNORED if draft.rest else "")
        path = f"column-{number}"
        if is_forbidden_column(name) or what == FORBIDDEN:
            yield _fault(
                path,
                "field_forbidden",
                f"“{name}”是禁止采集的信息，不能对照也不能忽略。请在导出时去掉这一列。",
            )
        elif not what and len(open_) > _LISTED:
            continue
        elif not what:
            yield _fault(path, "missing", f"“{name}”还没有选择：请选对应的字段，或选“忽略”。")
        elif what not in allowed:
            yield _fault(path, "invalid", f"“{name}”选的字段不在协议约定之内。")
        elif what == IGNORED and NAMELESS.fullmatch(name) and draft.named == "no":
            yield _fault(path, "missing", f"“{name}”要忽略，请先写出它的列名：须能核对它不是禁止采集的信息。")
        elif what != IGNORED and used.setdefault(what, name) != name:
            yield _fault(path, "invalid", f"“{name}”与“{used[what]}”选了同一个字段，请只留一个。")
    yield from _faults_of_whole(draft, feed_type, set(used))


def _faults_of_whole(draft: Draft, feed_type: FeedType, used: set[str]) -> Iterator[Failure]:
    if not draft.column:
        yield _fault("file", "missing", "请先选择样例文件，再点“读取样例”。")
        return
    for path in required_of(feed_type):
        if path not in used and not (path == "employment" and draft.employment):
            yield _fault(path, "missing", f"还没有哪一列对应必报字段“{title_of(path, feed_type)}”。")
    if draft.frame is None and any(what[:1] == POINT or what.endswith(("lng", "lat")) for what in used):
        yield _fault("frame", "missing", "有坐标，请选择坐标系。不清楚时请问贵公司的技术人员，不要猜。")
    for path in coded_fields(feed_type):
        if path in used:
            yield from _faults_of_codes(draft, path, feed_type)
    if draft.employment and (
        draft.employment not in dict(choices_of_field("employment")) or "employment" in used
    ):
        yield _fault("employment", "invalid", "已有一列对应配送方式，或所选的不在列表中：请改为“按列”。")


def _faults_of_codes(draft: Draft, path: str, feed_type: FeedType) -> Iterator[Failure]:
    codes, values = draft.codes(path), dict(choices_of_field(path, feed_type))
    for entry in draft.met:
        field, _, code = entry.partition(":")
        if field == path and code not in codes:
            yield _fault(
                f"code-{path}", "missing", f"{title_of(path, feed_type)}：代码“{code}”还没有选择它的含义。"
            )
    if any(value not in values for value in codes.values()):
        words = "、".join(values.values())
        yield _fault(f"code-{path}", "invalid", f"“其他代码”请写成 代码=含义，含义只能是：{words}。")


def _has_points(manifest: Manifest) -> bool:
    return any(
        target.endswith(("lng", "lat")) for feed in manifest.feeds.values() for target in feed.targets()
    )


def _more(draft: Draft, path: str) -> str:
    return {"op": draft.more_op, "employment": draft.more_employment}.get(path, "")


def _parts(text: str) -> list[str]:
    """Return what a person wrote with commas or lines between."""
    return [part.strip() for part in re.split("[,，、\n]", text) if part.strip()]


def _numbered(entries: list[str]) -> Iterator[tuple[int, str]]:
    for entry in entries:
        number, _, what = entry.partition(":")
        if number.isascii() and number.isdigit():
            yield int(number), what


def _by_column(columns: list[str], entries: list[str]) -> dict[str, str]:
    # In the order of the file, however the page groups them.
    return {columns[n]: what for n, what in sorted(_numbered(entries)) if n < len(columns) and what}


def _fault(path: str, code: str, zh: str) -> Failure:
    return Failure(row=0, path=path, code=code, zh=zh, en=f"{path}: {code}")
