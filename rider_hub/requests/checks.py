"""What the words of a request must be like; every fault at once, by field; pure."""

from rider_hub.errors import Failure, Invalid
from rider_hub.requests.model import Category

__all__ = ["ADDRESS_LIMIT", "TEXT_LIMIT", "check_text", "checked_category", "no_such_community"]

TEXT_LIMIT = 500
ADDRESS_LIMIT = 100
_COMMUNITY_DIGITS = 12


def checked_category(category: str, community: str, text: str, address: str) -> Category:
    """Return the category of a request that can be filed; raises Invalid with every fault."""
    faults = [*_text_faults(text, "text", TEXT_LIMIT), *_text_faults(address, "address", ADDRESS_LIMIT)]
    if category not in set(Category):
        faults.append(_fault("category", "请选择困难的类别", "choose what the difficulty is about"))
    if not (len(community) == _COMMUNITY_DIGITS and community.isascii() and community.isdigit()):
        faults.append(_fault("community", "请选择社区", "choose the community"))
    if faults:
        raise _invalid(faults)
    return Category(category)


def check_text(text: str) -> None:
    """Raise Invalid unless the text can be an answer or a reason."""
    faults = _text_faults(text, "text", TEXT_LIMIT)
    if faults:
        raise _invalid(faults)


def no_such_community() -> Invalid:
    """Return the error for a code that is no community of the current table."""
    return _invalid([_fault("community", "没有这个社区，请重新选择", "no such community: choose again")])


def _text_faults(text: str, path: str, limit: int) -> list[Failure]:
    kept = text.strip()
    if not kept and path == "text":
        return [_fault(path, "请填写内容", "write what it is about")]
    if len(kept) > limit:
        return [_fault(path, f"最多 {limit} 个字", f"at most {limit} characters")]
    if not kept.replace("\n", "").replace("\t", "").isprintable():
        return [
            _fault(
                path, "含有无法显示的字符，请重新输入", "has characters that can't be shown: type it again"
            )
        ]
    return []


def _fault(path: str, zh: str, en: str) -> Failure:
    return Failure(row=0, path=path, code="invalid", zh=zh, en=en)


def _invalid(faults: list[Failure]) -> Invalid:
    return Invalid(
        "诉求内容有误，请按提示修改。",
        "The request can't be taken as it is: mend what is named.",
        errors=faults,
    )
