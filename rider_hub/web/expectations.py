"""What a form's field expects, told in Chinese and English from its type; pure."""

from typing import Any, Final

from msgspec import inspect

from rider_hub.errors import Failure

__all__ = ["CHOICE", "is_list", "is_tick", "missing", "refused", "strip"]

#: `msgspec.Meta(extra=CHOICE)`: a field of text or a number that is chosen from a list, not typed.
CHOICE: Final = {"choice": True}

_NAMES: dict[type[Any], tuple[str, str]] = {
    inspect.IntType: ("应为整数", "must be a whole number"),
    inspect.FloatType: ("应为数字", "must be a number"),
    inspect.DecimalType: ("应为数字", "must be a number"),
    inspect.DateType: ("应为日期，例如 2026-11-23", "must be a date like 2026-11-23"),
    inspect.DateTimeType: (
        "应为带时区的时间，例如 2026-11-23T09:30+08:00",
        "must be a time like 2026-11-23T09:30+08:00",
    ),
    inspect.LiteralType: ("请从给出的选项中选择", "must be one of the choices"),
    inspect.EnumType: ("请从给出的选项中选择", "must be one of the choices"),
}


def strip(kind: inspect.Type) -> tuple[inspect.Type, str]:
    """Return a field's type without metadata and None, and its title where the metadata has one."""
    title = ""
    while True:
        if isinstance(kind, inspect.Metadata):
            title = title or (kind.extra_json_schema or {}).get("title", "")
            kind = kind.type
        elif isinstance(kind, inspect.UnionType):
            kinds = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
            kind = kinds[0]
        else:
            return kind, title


def is_tick(kind: inspect.Type) -> bool:
    """Say whether a field is a single box to tick."""
    return isinstance(kind, inspect.BoolType)


def is_list(kind: inspect.Type) -> bool:
    """Say whether a field takes several values."""
    return isinstance(kind, (inspect.ListType, inspect.VarTupleType, inspect.SetType, inspect.FrozenSetType))


def _is_chosen(kind: inspect.Type) -> bool:
    while isinstance(kind, inspect.Metadata):
        if (kind.extra or {}).get("choice"):
            return True
        kind = kind.type
    return False


def missing(field: inspect.Field) -> Failure:
    """Return the fault of a required field left empty."""
    kind, title = strip(field.type)
    chosen = _is_chosen(field.type) or is_list(kind)
    verb = "选择" if chosen or isinstance(kind, (inspect.LiteralType, inspect.EnumType)) else "填写"
    name = title or field.encode_name
    return _fault(field, "missing", f"请{verb}{name}", f"{name}: this is required")


def refused(field: inspect.Field) -> Failure:
    """Return the fault of a field whose text doesn't fit its type; the text itself is not in it."""
    kind, title = strip(field.type)
    name = title or field.encode_name
    if is_list(kind):
        kind, _ = strip(getattr(kind, "item_type"))  # noqa: B009 - the four kinds of list share the name only
    zh, en = _expected(kind)
    return _fault(field, "invalid", f"{name}：{zh}", f"{name}: {en}")


def _expected(kind: Any) -> tuple[str, str]:
    zh, en = _NAMES.get(type(kind), ("内容不符合要求", "doesn't fit what is asked for"))
    if isinstance(kind, inspect.StrType):
        if kind.max_length is not None or kind.min_length is not None:
            return _range("字数", "length", kind.min_length, kind.max_length)
        return "格式不符合要求", "doesn't have the form asked for"
    if isinstance(kind, (inspect.IntType, inspect.FloatType)) and (
        kind.ge is not None or kind.le is not None
    ):
        ranged = _range("数值", "value", kind.ge, kind.le)
        return f"{zh}，{ranged[0]}", f"{en}; {ranged[1]}"
    return zh, en


def _range(zh: str, en: str, least: float | None, most: float | None) -> tuple[str, str]:
    if least is None:
        return f"{zh}最多 {most}", f"{en} at most {most}"
    if most is None:
        return f"{zh}至少 {least}", f"{en} at least {least}"
    return f"{zh}应在 {least} 到 {most} 之间", f"{en} must be from {least} to {most}"


def _fault(field: inspect.Field, code: str, zh: str, en: str) -> Failure:
    return Failure(row=0, path=field.encode_name, code=code, zh=zh, en=en)
