"""Templates, styles and scripts keep to the policy and to the oldest browsers they are for."""

import re
from pathlib import Path

import pytest

import rider_hub
from rider_hub.web import Shell

ROOT = Path(rider_hub.__file__).parent
STATIC = ROOT / "web" / "static"
TEMPLATES = sorted(ROOT.glob("*/templates/**/*.html"))
SCRIPTS = sorted(STATIC.glob("*.js"))

#: Feature of CSS → why it can't be used on staff pages (Chromium 89).
CSS_89 = {
    r":has\(": "105",
    r"color-mix\(|oklch\(|oklab\(|\blch\(": "111",
    r"@layer": "99",
    r"@container": "105",
    r"^\s*&": "nesting, 120",
    r"\bsubgrid\b": "117",
    r"text-wrap\s*:\s*balance": "114",
    r"\d(dvh|svh|lvh)\b": "108",
    r"@property|@starting-style|@scope": "later",
}
#: The same for riders' pages (Chromium 69).
CSS_69 = CSS_89 | {
    r"(?<![-\w])gap\s*:": "flex gap, 84",
    r"(?<![-\w])inset\s*:": "87",
    r"\b(clamp|min|max)\(": "79",
    r":is\(|:where\(": "88",
    r":focus-visible": "86",
    r"aspect-ratio": "88",
    r"accent-color": "93",
    r"overflow-wrap\s*:\s*anywhere": "80",
}
#: Syntax and calls of scripts that Chromium 89 lacks.
JS_89 = {
    r"\.at\(": "92",
    r"structuredClone": "98",
    r"\.replaceAll\(\s*/": "needless",
    r"Object\.hasOwn\b": "93",
    r"\.findLast\b": "97",
    r"\bstatic\s*\{": "94",
    r"\.toSorted\b|\.toReversed\b|Object\.groupBy": "later",
    r"\.inert\b": "102",
}
#: What the policy forbids, or what may let markup in.
JS_POLICY = {
    r"\beval\(|new Function": "no eval",
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write": "values are text",
    r"setAttribute\(\s*[\"']style": "no inline style",
    r"https?://": "nothing from elsewhere",
}


def without_comments(text: str) -> str:
    """Take comments of a style or a script out."""
    return re.sub(r"/\*.*?\*/|^\s*//.*$", "", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_no_inline_script_and_no_inline_style(path: Path) -> None:
    """Scripts and styles are files of our own, handlers are attached by them, and nothing is marked safe."""
    text = path.read_text(encoding="utf-8")
    for tag in re.findall(r"<script\b[^>]*>", text):
        assert "src=" in tag, tag
    assert not re.search(r"<style\b", text)
    assert not re.search(r"<[^>]*\sstyle\s*=", text)
    assert not re.search(r"<[^>]*\s(on[a-z]+|hx-on[:\w-]*|hx-vals\s*=\s*[\"']js:)\s*=", text)
    assert "javascript:" not in text
    assert not re.search(r"\|\s*safe\b|autoescape\s+false", text)
    assert not re.search(r"(src|href|action)\s*=\s*[\"'](https?:)?//", text)


@pytest.mark.parametrize(
    ("name", "forbidden"), [("app.css", CSS_89), ("parts.css", CSS_89), ("phone.css", CSS_69)]
)
def test_styles_keep_to_their_floor(name: str, forbidden: dict[str, str]) -> None:
    """No rule needs a newer browser, and nothing is fetched from elsewhere."""
    text = without_comments((STATIC / name).read_text(encoding="utf-8"))
    found = {pattern: why for pattern, why in forbidden.items() if re.search(pattern, text, re.MULTILINE)}
    assert found == {}
    assert not re.search(r"url\(\s*[\"']?(https?:)?//", text)
    assert not re.search(r"@import", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_keep_to_their_floor_and_to_the_policy(path: Path) -> None:
    """No call needs a newer browser; no text ever becomes markup or code."""
    text = without_comments(path.read_text(encoding="utf-8"))
    assert [why for pattern, why in (JS_89 | JS_POLICY).items() if re.search(pattern, text)] == []


def test_every_icon_that_is_named_is_drawn() -> None:
    """Templates, menus, layers and states name only symbols that the sprite has."""
    drawn = set(re.findall(r'<symbol id="([a-z]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    named = {
        name for path in TEMPLATES for name in re.findall(r"icon\(\"([a-z]+)\"\)", path.read_text("utf-8"))
    }
    code = "\n".join(path.read_text("utf-8") for path in ROOT.rglob("*.py"))
    named |= set(re.findall(r'MenuItem\("[^"]*", "[^"]*", "[^"]*", "([a-z]+)"', code))
    named |= set(re.findall(r'icon="([a-z]+)"', code))
    assert named <= drawn
    assert {"todo", "doing", "soon", "overdue", "done", "withdrawn", "plain"} <= drawn


def test_every_template_that_code_names_is_there() -> None:
    """A page's template is found under its capability's name, and each one can be read."""
    shell = Shell(template_folders=[each for each in ROOT.glob("*/templates") if each.parent.name != "web"])
    code = "\n".join(path.read_text("utf-8") for path in ROOT.rglob("*.py"))
    named = set(re.findall(r'"([a-z]+/[a-z_]+\.html)"', code)) | {"base.html", "drawer.html", "phone.html"}
    for name in sorted(named):
        assert shell.environment.get_template(name)
    for path in TEMPLATES:
        assert shell.environment.parse(path.read_text("utf-8"))


def luminance(colour: str) -> float:
    """Return the relative luminance of #rrggbb (WCAG 2)."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def tokens(name: str, *, dark: bool) -> dict[str, str]:
    """Read the colours of one scheme."""
    text = (STATIC / name).read_text(encoding="utf-8")
    light, _, rest = text.partition("prefers-color-scheme: dark")
    found = dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", light))
    return found | (dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6});", rest)) if dark else {})


STATES = ("todo", "doing", "soon", "overdue", "done", "withdrawn")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_staff_colours_have_contrast(*, dark: bool) -> None:
    """Words stand out from their ground by 4.5 to 1 in both schemes."""
    t = tokens("app.css", dark=dark)
    pairs = [
        (t["ink"], t[ground])
        for ground in ("ground", "ground-soft", "ground-hover", "ground-head", "accent-soft")
    ]
    pairs += [
        (t[ink], t[ground])
        for ink in ("ink-soft", "link")
        for ground in ("ground", "ground-soft", "ground-hover")
    ]
    pairs += [(t[state], t[f"{state}-soft"]) for state in STATES]
    pairs += [(t["overdue"], t["ground"]), (t["accent-ink"], t["accent"])]
    assert [(pair, round(contrast(*pair), 2)) for pair in pairs if contrast(*pair) < 4.5] == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_rider_colours_have_contrast(*, dark: bool) -> None:
    """The same on the phone, outdoors."""
    t = tokens("phone.css", dark=dark)
    pairs = [(t[ink], t["ground"]) for ink in ("ink", "ink-soft", "link", *STATES)]
    pairs += [(t["ink-soft"], t["ground-soft"]), (t["accent-ink"], t["accent"])]
    assert [(pair, round(contrast(*pair), 2)) for pair in pairs if contrast(*pair) < 4.5] == []
