"""Forms: an urlencoded body into a msgspec Struct, with every fault by field; never multipart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Generic, TypeVar, cast, get_type_hints
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from rider_hub.errors import Failure, HubError, Invalid
from rider_hub.web.expectations import CHOICE, is_list, is_tick, missing, refused, strip

__all__ = ["Form", "PurposeForm", "read_form"]

#: The largest form the hub has is a text of some pages.
MAX_BYTES = 65_536
_MAX_FIELDS = 200
_FORM = "application/x-www-form-urlencoded"
_TRUE = frozenset({"on", "1", "true", "yes"})

T = TypeVar("T", bound=msgspec.Struct)


class PurposeForm(msgspec.Struct):
    """What every form asks that opens, exports or asks for personal data."""

    reason: Annotated[str, msgspec.Meta(title="用途", max_length=16, extra=CHOICE)]
    purpose: Annotated[str, msgspec.Meta(title="具体说明", min_length=4, max_length=80)]


@dataclass(frozen=True)
class Form(Generic[T]):
    """What a visitor filled in: the checked value, or what they wrote with the faults beside it."""

    value: T | None = None
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)
    errors: tuple[Failure, ...] = ()

    @classmethod
    def filled(cls, **values: object) -> "Form[Any]":
        """Return a form to show for the first time, with these values in its fields."""
        texts = {key: [str(value)] for key, value in values.items() if value is not None}
        return Form(values=texts)

    def text(self, key: str) -> str:
        """Return what stands in one field."""
        return next(iter(self.values.get(key, ())), "")

    def has(self, key: str, value: str) -> bool:
        """Say whether a choice of a field is chosen."""
        return value in self.values.get(key, ())

    def error(self, key: str) -> Failure | None:
        """Return the first fault of one field."""
        return next((fault for fault in self.errors if fault.path == key), None)

    def failed(self, key: str, code: str, zh: str, en: str) -> "Form[T]":
        """Return the form with one more fault, for rules that need more than the field itself."""
        fault = Failure(row=0, path=key, code=code, zh=zh, en=en)
        return replace(self, value=None, errors=(*self.errors, fault))

    def checked(self) -> T:
        """Return the value; raises Invalid with every fault where there is none (for an API, not a page)."""
        if self.value is None:
            raise Invalid(
                "填写的内容有误，请按提示修改。",
                "The form has faults: mend them as told.",
                errors=self.errors,
            )
        return self.value


async def read_form(
    request: web.Request, kind: type[T], *, limit: int = MAX_BYTES, fields: int = _MAX_FIELDS
) -> Form[T]:
    """Read an urlencoded form into a Struct whose fields are text, numbers, dates, choices or lists of them.

    Titles of fields in sentences come from `Annotated[str, msgspec.Meta(title="姓名")]`. An empty field is a
    missing one; a bool is true when its box is ticked. Raises HubError for a body that is no form (415),
    too large (413) or not readable (400).
    """
    if request.content_type != _FORM:
        raise HubError(
            "表单格式不受支持。",
            f"A form must be sent as {_FORM}.",
            code="unsupported_media_type",
            status=415,
        )
    if (request.content_length or 0) > limit:
        raise _too_large()
    body = await request.read()  # counts bytes as they come and stops at the application's client_max_size
    if len(body) > limit:
        raise _too_large()
    return parse_form(body, kind, fields=fields)


def parse_form(body: bytes, kind: type[T], *, fields: int = _MAX_FIELDS) -> Form[T]:
    """Check the bytes of an urlencoded form against a Struct; see `read_form`."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=fields, errors="strict"
        )
    except ValueError as error:  # UnicodeDecodeError is one too
        raise _unreadable() from error
    values: dict[str, list[str]] = {}
    for key, text in pairs:
        values.setdefault(key, []).append(text.replace("\r\n", "\n").strip())
    found: dict[str, Any] = {}
    faults: list[Failure] = []
    hints = get_type_hints(kind, include_extras=True)
    for each in cast("msgspec.inspect.StructType", msgspec.inspect.type_info(kind)).fields:
        given = [text for text in values.get(each.encode_name, ()) if text]
        fault = _take(each, hints[each.name], given, found)
        faults += [fault] if fault else []
    if faults:
        return Form(values=values, errors=tuple(faults))
    return Form(value=kind(**found), values=values)


def _take(
    each: msgspec.inspect.Field, hint: Any, given: Sequence[str], found: dict[str, Any]
) -> Failure | None:
    """Put one field's value among the found, or return its fault."""
    kind, _ = strip(each.type)
    if is_tick(kind):
        found[each.name] = bool(given) and given[0].lower() in _TRUE
        return None
    if not given:
        return missing(each) if each.required else None
    if any("\0" in text for text in given):
        return refused(each)
    try:
        found[each.name] = msgspec.convert(list(given) if is_list(kind) else given[0], hint, strict=False)
    except msgspec.ValidationError:
        return refused(each)
    return None


def _too_large() -> HubError:
    return HubError(
        "提交的内容太长，请精简后重新提交。",
        "The form is too long: shorten it.",
        code="too_large",
        status=413,
    )


def _unreadable() -> HubError:
    return HubError(
        "提交的内容无法读取，请刷新页面后重新填写。",
        "The form can't be read: reload the page and fill it in again.",
        code="form_unreadable",
    )
