"""How field names are compared: what the eye reads as one name is one, in whatever signs it is written."""

import unicodedata
from typing import Final

__all__ = ["folded"]

#: Signs → the Latin letters they look like. Capitals before case is folded: Η looks like H, η like n.
_CAPITALS: Final = (
    ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"),
    ("АВЕЅІЈКМНОРСТУХԚԜҺӀ", "ABESIJKMHOPCTYXQWHI"),
)
_SMALL: Final = (
    ("αβγεικηνορτυχω", "abyeiknvoptuxw"),
    ("авгекмнопрстухѕіјһԁԛԝӏ", "abrekmhonpctyxsijhdqwl"),
    ("ıɑɡłøđʟ", "iaglodl"),
)
#: Traditional characters of the listed words → simplified ones.
_TRADITIONAL: Final = (
    (
        "黨團員銀號資產負債務貸餘徵實時後當歷曆軌跡蹤騎經緯標點圖熱藥醫療殘懷過體檢溫壓臉紋聲態識別證碼帳",
        "党团员银号资产负债务贷余征实时后当历历轨迹踪骑经纬标点图热药医疗残怀过体检温压脸纹声态识别证码账",
    ),
    (
        "戶開寶記錄評線駛動徑設備機現報蘭聯絡組織數據間類級狀況關係參軍職離屬樣稱統計額費單發貨訂車",
        "户开宝记录评线驶动径设备机现报兰联络组织数据间类级状况关系参军职离属样称统计额费单发货订车",
    ),
)


def _table(*rows: tuple[str, str]) -> dict[int, str]:
    return {ord(a): b for signs, plain in rows for a, b in zip(signs, plain, strict=True)}


_LETTERS: Final = _table(*_CAPITALS, *_SMALL)
_CHARACTERS: Final = _table(*_TRADITIONAL)


def folded(name: str) -> str:
    """Return a name as letters and digits alone: without case, width, marks, look-alikes, old characters."""
    plain = unicodedata.normalize("NFKD", name).translate(_LETTERS).casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKD", plain).translate(_LETTERS).translate(_CHARACTERS)
    # A mark that was parted from its letter is neither letter nor digit.
    return "".join(c for c in plain if c.isalnum())
