"""What a verification can find, in words: which seal or row, and what must have happened to it."""

from dataclasses import dataclass
from typing import Any

__all__ = ["Finding", "finding"]

_WORDS = {
    "row_mac": (
        "记录 {row} 的内容或被查看人与其校验值不符：被改过，或其密钥已不在。",
        "Row {row} does not agree with its MAC: content or people were changed, or its key is gone.",
    ),
    "row_astray": (
        "记录 {row} 标在封存 {seal} 中，但没有这个封存。",
        "Row {row} says it is in seal {seal}, which is not there.",
    ),
    "subject_astray": (
        "有被查看人指向不存在的记录 {row}。",
        "People are kept of row {row}, which is not there.",
    ),
    "seal_unreadable": (
        "封存 {seal} 或其后的封存无法读取。",
        "Seal {seal} or one after it can't be read.",
    ),
    "seal_gap": ("缺少封存 {seal} 至 {through}。", "Seals {seal} to {through} are missing."),
    "seal_pruned_twice": (
        "封存 {seal} 早已清理，却又出现。",
        "Seal {seal} was pruned and is there again.",
    ),
    "seal_link": ("封存 {seal} 与上一封存不相接。", "Seal {seal} does not follow from the one before."),
    "seal_total": ("封存 {seal} 的累计数不对。", "The running total of seal {seal} is wrong."),
    "seal_mac": (
        "封存 {seal} 的内容与其校验值不符：被改过，或其密钥已不在。",
        "Seal {seal} does not agree with its MAC: it was changed, or its key is gone.",
    ),
    "seal_count": (
        "封存 {seal} 应有 {expected} 条记录，现有 {there} 条。",
        "Seal {seal} should hold {expected} rows and holds {there}.",
    ),
    "seal_digest": (
        "封存 {seal} 中的记录被换过或改过。",
        "Rows of seal {seal} were exchanged or changed.",
    ),
    "checkpoint_mac": (
        "清理点 {seal} 与其校验值不符。",
        "The checkpoint of seal {seal} does not agree with its MAC.",
    ),
    "head_unreadable": ("链头文件第 {line} 行无法读取。", "Line {line} of the head file can't be read."),
    "head_backwards": (
        "链头文件第 {line} 行（封存 {seal}）倒退。",
        "Line {line} of the head file (seal {seal}) goes backwards.",
    ),
    "head_ahead": (
        "链头文件第 {line} 行记有封存 {seal}，数据库只到 {there}：末尾被删除，或数据库被换成旧的。",
        "Line {line} of the head file knows seal {seal}, the database ends at {there}: cut off or replaced.",
    ),
    "account_altered": (
        "账号 {row} 与其校验值不符：被系统之外改过，已不能登录。",
        "Account {row} does not agree with its MAC: changed past the hub, it opens nothing.",
    ),
    "approval_altered": (
        "审批 {row} 与其校验值不符：被系统之外改过，已不生效。",
        "Approval {row} does not agree with its MAC: changed past the hub, it holds for nothing.",
    ),
    "identity_altered": (
        "账号编号 {row} 的统一身份关联与其校验值不符：被系统之外改过，已不能登录。",
        "The linked identity of account id {row} does not agree with its MAC: changed past the hub.",
    ),
    "park_altered": (
        "园区 {row} 的范围与其校验值不符：被系统之外改过，已不扩大任何人的范围。请重新导入园区表。",
        "What park {row} is made of does not agree with its MAC: it opens nothing. Import the parks again.",
    ),
    "division_change_altered": (
        "区划变更 {row} 与其校验值不符：被系统之外改过，已不生效。请重新导入变更表。",
        "The change of code {row} does not agree with its MAC: it holds for nothing. Import the table again.",
    ),
    "head_mac": (
        "封存 {seal} 与链头文件第 {line} 行不符：末尾被删除后重写过。",
        "Seal {seal} is not the one of line {line} of the head file: the end was cut off and written anew.",
    ),
}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, and where."""

    code: str
    zh: str
    en: str
    seal: int | None = None
    row: str | None = None


def finding(code: str, **where: Any) -> Finding:
    """Put a finding into words."""
    zh, en = _WORDS[code]
    return Finding(code, zh.format(**where), en.format(**where), where.get("seal"), where.get("row"))
