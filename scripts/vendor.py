"""Copy the few built front-end files that the pages need from node_modules; nothing is built here."""

import hashlib
import json
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
TARGET = ROOT / "rider_hub" / "web" / "static" / "vendor"

FILES = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
    "bootstrap.bundle.min.js": "bootstrap/dist/js/bootstrap.bundle.min.js",
    "ol.js": "ol/dist/ol.js",
    "ol.css": "ol/ol.css",
    "echarts.min.js": "echarts/dist/echarts.min.js",
    "swagger-ui-bundle.js": "swagger-ui-dist/swagger-ui-bundle.js",
    "swagger-ui.css": "swagger-ui-dist/swagger-ui.css",
}


def copy_files() -> dict[str, dict[str, str]]:
    """Copy each file and describe it by its digest, package, version and licence."""
    manifest = {}
    for name, source in FILES.items():
        package = source.split("/", 1)[0]
        about = json.loads((MODULES / package / "package.json").read_text(encoding="utf-8"))
        content = (MODULES / source).read_bytes()
        (TARGET / name).write_bytes(content)
        manifest[name] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "package": package,
            "version": about["version"],
            "licence": about["license"],
        }
    return manifest


def copy_licences() -> None:
    """Keep the licence text of each package beside the files, also of those that a built file contains."""
    folder = TARGET / "licences"
    folder.mkdir()
    for about in sorted([*MODULES.glob("*/package.json"), *MODULES.glob("@*/*/package.json")]):
        package = about.parent.relative_to(MODULES).as_posix().replace("/", "-").lstrip("@")
        for text in sorted(about.parent.iterdir()):
            if text.name.upper().startswith(("LICENSE", "LICENCE", "NOTICE", "COPYING")) and text.is_file():
                shutil.copyfile(text, folder / f"{package}-{text.stem}.txt")


def main() -> int:
    """Lay the vendor folder anew, its manifest last, so that an interrupted run is seen as not done."""
    lacking = [source for source in FILES.values() if not (MODULES / source).is_file()]
    if lacking:
        sys.stderr.write(f"node_modules lacks {', '.join(lacking)}: run make setup\n")
        return 1
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    manifest = copy_files()
    copy_licences()
    text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
    (TARGET / "manifest.json").write_text(text, encoding="utf-8")
    sys.stderr.write(f"Front-end files laid: {', '.join(manifest)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
