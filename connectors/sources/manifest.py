"""A platform's manifest: how its rows become standard rows and back; no file and no contract is here."""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from connectors.contract import Translation, Unknown
from connectors.problems import Problem, feed_error
from connectors.records import FeedType, Frame, Tier
from connectors.sources.file_form import FileForm
from connectors.sources.values import (
    Form,
    FormError,
    from_standard,
    get_path,
    leaf_paths,
    put_path,
    split_point,
    to_standard,
)

Axis = Literal["lng_lat", "lat_lng"]


class MappingError(ValueError):
    """Say that a row can't be mapped, with its problems in standard paths."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(", ".join(f"{problem.path}: {problem.code}" for problem in problems))
        self.problems = problems


class PointColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column that holds both degrees, as text `a,b` or as an array; `into` is the object they go to."""

    column: str
    into: str = ""
    array: bool = False

    def paths(self, axis: Axis) -> tuple[str, str]:
        """Return the two standard paths in the order the platform writes them."""
        prefix = f"{self.into}." if self.into else ""
        lng, lat = f"{prefix}lng", f"{prefix}lat"
        return (lng, lat) if axis == "lng_lat" else (lat, lng)


class FeedMapping(msgspec.Struct, frozen=True, eq=False, forbid_unknown_fields=True):
    """The mapping of one feed type; dotted names reach into nested objects on both sides.

    It is compared by identity, so that what is worked out of it can be kept.
    """

    columns: dict[str, str]
    """Source column → standard field."""
    codes: dict[str, dict[str, str]] = {}
    """Standard field → source code → standard value."""
    forms: dict[str, Form] = {}
    """Standard field → how the platform writes it."""
    constants: dict[str, str] = {}
    """Standard field → the value every row has."""
    points: tuple[PointColumn, ...] = ()
    ignore: tuple[str, ...] = ()
    """Source columns known and passed over; never one of a forbidden name."""
    nulls: tuple[str, ...] = ()
    r"""What stands for no value, besides blank text: `NULL`, `\N`, `0000-00-00 00:00:00`."""
    file: FileForm = FileForm()
    """How its files are written."""

    def targets(self) -> list[str]:
        """List the standard fields that columns and points fill."""
        both = [path for point in self.points for path in point.paths("lng_lat")]
        return [*self.columns.values(), *both]


def _default_paths() -> dict[FeedType, str]:
    return {"station": "/station", "registration": "/registration", "request": "/request"}


class Pull(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a platform's pages are asked for and what they look like; names may be dotted."""

    paths: dict[FeedType, str] = msgspec.field(default_factory=_default_paths)
    items: str = "items"
    next_page: str = "next"
    since_param: str = "since"
    page_param: str = "page"
    limit_param: str = "limit"
    limit: int = 500
    overlap_s: int = 300


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything the hub knows of a platform's way of speaking."""

    platform: str
    name_zh: str
    transport: Literal["push", "pull", "files"]
    auth: Literal["signature", "bearer", "none"]
    frame: Frame
    axis: Axis = "lng_lat"
    zone: str = "Asia/Shanghai"
    tier: Tier = "A"
    unknown: Unknown = "freeze"
    feeds: dict[FeedType, FeedMapping]
    pull: Pull = Pull()
    snapshots: tuple[FeedType, ...] = ()
    """Feeds whose files are whole snapshots, their time in the file's name."""
    every_hours: dict[FeedType, float] = {}
    """How often each feed is expected at least."""

    def feed(self, feed_type: FeedType) -> FeedMapping:
        """Return the mapping of a feed type; raises FeedError `feed_not_offered`."""
        if feed_type not in self.feeds:
            raise feed_error("feed_not_offered", status=404)
        return self.feeds[feed_type]

    def translate(self, feed_type: FeedType, row: Mapping[Any, Any]) -> Translation:
        """Put a source row into standard names and values, with the faults met and the unknown columns."""
        feed = self.feed(feed_type)
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for column, path in feed.columns.items():
            value = get_path(row, column)
            if not _is_absent(value, feed.nulls):
                self._translate_value(feed, path, value, values, problems)
        for point in feed.points:
            value = get_path(row, point.column)
            if not _is_absent(value, feed.nulls):
                self._translate_point(point, value, values, problems)
        for path, value in feed.constants.items():
            put_path(values, path, value)
        self._state_frame(values)
        return Translation(values, tuple(problems), _unknown(feed, row))

    def _translate_value(
        self, feed: FeedMapping, path: str, value: Any, values: dict[str, Any], problems: list[Problem]
    ) -> None:
        if path in feed.codes:
            standard = feed.codes[path].get(_code_text(value))
            if standard is None:
                problems.append(Problem(path, "code_unmapped"))
                return
            put_path(values, path, standard)
            return
        try:
            form = feed.forms.get(path)
            put_path(values, path, to_standard(value, form, ZoneInfo(self.zone)) if form else value)
        except FormError as error:
            problems.append(Problem(path, error.code))

    def _translate_point(
        self, point: PointColumn, value: Any, values: dict[str, Any], problems: list[Problem]
    ) -> None:
        paths = point.paths(self.axis)
        try:
            for path, degrees in zip(paths, split_point(value), strict=True):
                put_path(values, path, degrees)
        except FormError as error:
            problems.append(Problem(paths[0], error.code))

    def _state_frame(self, values: dict[str, Any]) -> None:
        for part in (values, values.get("work_area"), values.get("place")):
            if isinstance(part, dict) and ("lng" in part or "lat" in part):
                part.setdefault("frame", self.frame)

    def source_path(self, feed_type: FeedType, path: str) -> str:
        """Name the source column of a standard field, as the sender wrote it; else the field itself.

        For an object without a column of its own it is the first column that fills a part of it.
        """
        feed = self.feed(feed_type)
        owners = {target: column for column, target in feed.columns.items()}
        for point in feed.points:
            owners |= dict.fromkeys(point.paths(self.axis), point.column)
        parts = (column for target, column in owners.items() if target.startswith(f"{path}."))
        return owners.get(path) or next(parts, path)

    def read_time(self, feed_type: FeedType, row: Mapping[Any, Any], path: str) -> datetime | None:
        """Return a time of a source row in UTC, or None where there is none to read."""
        feed = self.feed(feed_type)
        column = next((column for column, target in feed.columns.items() if target == path), path)
        form = feed.forms.get(path)
        try:
            value = get_path(row, column)
            moment = datetime.fromisoformat(to_standard(value, form, ZoneInfo(self.zone)) if form else value)
            return moment.astimezone(UTC) if moment.tzinfo else None
        except (FormError, ValueError, TypeError, OverflowError):
            return None

    def write_time(self, feed_type: FeedType, moment: datetime, path: str) -> str:
        """Return a time as the platform writes that field, for a question to it."""
        form = self.feed(feed_type).forms.get(path)
        text = moment.astimezone(UTC).isoformat()
        return str(from_standard(text, form, ZoneInfo(self.zone)) if form else text.replace("+00:00", "Z"))

    def decode_row(self, feed_type: FeedType, row: Mapping[Any, Any]) -> dict[str, Any]:
        """Return a source row as a standard row; unknown columns are left out, faults raise MappingError."""
        translation = self.translate(feed_type, row)
        if translation.problems:
            raise MappingError(translation.problems)
        return translation.values

    def encode_row(self, feed_type: FeedType, standard: Mapping[str, Any]) -> dict[str, Any]:
        """Return a standard row as the platform would send it: the inverse of `decode_row`.

        Times are text with an offset, as `msgspec.to_builtins` gives. A field the platform has no column
        for, or a constant or frame it can't say, raises MappingError.
        """
        feed = self.feed(feed_type)
        left = {path: value for path, value in _flat(standard, "") if value is not None}
        row: dict[str, Any] = {}
        for column, path in feed.columns.items():
            if path in left:
                put_path(row, column, self._encode_value(feed, path, left.pop(path)))
        for point in feed.points:
            pair = [left.pop(path, None) for path in point.paths(self.axis)]
            if None not in pair:
                put_path(row, point.column, pair if point.array else ",".join(map(repr, pair)))
        said = feed.constants | dict.fromkeys(("frame", "work_area.frame", "place.frame"), self.frame)
        unsaid = tuple(Problem(path, "field_unknown") for path in left if left[path] != said.get(path))
        if unsaid:
            raise MappingError(unsaid)
        return row

    def _encode_value(self, feed: FeedMapping, path: str, value: Any) -> Any:
        form = feed.forms.get(path)
        if path in feed.codes:
            back = {standard: code for code, standard in feed.codes[path].items()}
            if value not in back:
                raise MappingError((Problem(path, "code_unmapped"),))
            return int(back[value]) if form == "number_for_text" else back[value]
        return from_standard(value, form, ZoneInfo(self.zone)) if form else value


def _is_absent(value: Any, nulls: tuple[str, ...]) -> bool:
    if isinstance(value, str):
        text = value.strip()
        return not text or text in nulls
    return value is None


def _code_text(value: Any) -> str:
    short = isinstance(value, int) and not isinstance(value, bool) and value.bit_length() < 64  # noqa: PLR2004
    return value.strip() if isinstance(value, str) else str(value) if short else ""


def _unknown(feed: FeedMapping, row: Mapping[Any, Any]) -> tuple[str, ...]:
    known, branches = _known(feed)
    return tuple(path for path in leaf_paths(row, branches) if path not in known)


@lru_cache(maxsize=256)
def _known(feed: FeedMapping) -> tuple[frozenset[str], frozenset[str]]:
    """Return the columns a mapping knows, and the objects they lie in."""
    known = frozenset((*feed.columns, *(point.column for point in feed.points), *feed.ignore))
    branches = (name.split(".")[:depth] for name in known for depth in range(1, name.count(".") + 1))
    return known, frozenset(map(".".join, branches))


def _flat(row: Mapping[str, Any], prefix: str) -> list[tuple[str, Any]]:
    flat: list[tuple[str, Any]] = []
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat += _flat(value, f"{prefix}{name}.")
        else:
            flat.append((f"{prefix}{name}", value))
    return flat
