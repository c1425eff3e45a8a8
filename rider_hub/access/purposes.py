"""Why somebody opens, exports or asks: a reason of a short list, and words of their own (PIPL 6)."""

from collections.abc import Mapping
from dataclasses import dataclass

from rider_hub.errors import Failure, Invalid

__all__ = [
    "EMERGENCY_REASONS",
    "EXPORT_REASONS",
    "MAX_WORDS",
    "MEND_REASONS",
    "MIN_WORDS",
    "UNMASK_REASONS",
    "Purpose",
]

#: Fewer characters say nothing to whoever reads the trail.
MIN_WORDS, MAX_WORDS = 4, 80

#: Why one person's name and phone are opened.
UNMASK_REASONS: Mapping[str, str] = {
    "request": "办理诉求",
    "visit": "走访关怀",
    "check": "核对登记信息",
    "notice": "通知服务事项",
    "incident": "突发情况联系",
    "other": "其他",
}
#: Why a row that was not taken in is opened.
MEND_REASONS: Mapping[str, str] = {"mend": "修正后入库", "return": "核对后退回", "other": "其他"}
#: Why a table of people leaves the hub.
EXPORT_REASONS: Mapping[str, str] = {
    "check": "核对台账",
    "visit": "安排走访",
    "report": "按要求报送",
    "other": "其他",
}
#: Why somebody needs powers that are not their own.
EMERGENCY_REASONS: Mapping[str, str] = {
    "duty": "值班代办",
    "absence": "同事缺岗",
    "incident": "突发事件处置",
    "other": "其他",
}


@dataclass(frozen=True)
class Purpose:
    """A reason of a list and words beside it, as the audit trail keeps them; make it with `stated`."""

    title: str
    words: str

    @property
    def text(self) -> str:
        """The purpose in one line."""
        return f"{self.title}：{self.words}"

    @classmethod
    def stated(cls, reasons: Mapping[str, str], reason: str, words: str) -> "Purpose":
        """Return the purpose; raises Invalid (`purpose_required`) with every fault by field."""
        line = " ".join(words.split())
        faults: list[Failure] = []
        if reason not in reasons:
            faults.append(_fault("reason", "请选择用途", "choose a reason of the list"))
        if len(line.replace(" ", "")) < MIN_WORDS:
            faults.append(
                _fault(
                    "purpose",
                    f"请具体说明，至少 {MIN_WORDS} 个字",
                    f"say more: at least {MIN_WORDS} characters",
                )
            )
        if len(line) > MAX_WORDS:
            faults.append(_fault("purpose", f"说明最多 {MAX_WORDS} 个字", f"at most {MAX_WORDS} characters"))
        if faults:
            zh, en = "请写明用途。", "State the purpose."
            raise Invalid(zh, en, code="purpose_required", errors=faults)
        return cls(reasons[reason], line)


def _fault(path: str, zh: str, en: str) -> Failure:
    return Failure(row=0, path=path, code="purpose_required", zh=zh, en=en)
