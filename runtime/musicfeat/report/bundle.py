"""Modules of the listening page as one script, and its styles as one sheet, for use inside an HTML file."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from musicfeat.errors import InputError

PAGE = Path(__file__).parents[1] / "listen" / "page"
STYLES = ("style.css", "track.css", "report.css")
IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async function|function|class|const) (\w+))", re.MULTILINE)


@dataclass(frozen=True)
class Bundle:
    """A script and a style sheet, with the hashes by which a content security policy admits only them."""

    script: str
    style: str

    @property
    def script_hash(self) -> str:
        """Hash of the script for ``script-src``."""
        return _hash(self.script)

    @property
    def style_hash(self) -> str:
        """Hash of the style sheet for ``style-src``."""
        return _hash(self.style)


def bundled(entry: str) -> Bundle:
    """A module of the page and all its imports, each as a function of its own, and the styles.

    Modules have the form of the page's: ``import { a, b } from "./x.js";``, and ``export`` before a declaration.

    Raises:
        InputError: a file of the package is missing, or cannot be put inside HTML.
    """
    modules: dict[str, str] = {}
    _add(entry, modules)
    script = "".join(f"const {_name(name)} = (() => {{\n{body}}})();\n" for name, body in modules.items())
    style = "".join(_read(name) for name in STYLES)
    if re.search(r"</?script|<!--", script, re.IGNORECASE) or re.search("</?style", style, re.IGNORECASE):
        raise InputError(f"{PAGE} holds a file that cannot stand inside HTML: reinstall musicfeat")
    return Bundle(script, style)


def _add(name: str, modules: dict[str, str]) -> None:
    """Add a module behind those that it imports."""
    source = _read(name)
    for found in IMPORT.finditer(source):
        if found[2] not in modules:
            _add(found[2], modules)
    body = IMPORT.sub(lambda found: f"const {{{found[1].replace(' as ', ': ')}}} = {_name(found[2])};\n", source)
    exported = ", ".join(found[1] for found in EXPORT.finditer(body))
    modules[name] = f"{EXPORT.sub('', body)}return {{ {exported} }};\n"


def _name(module: str) -> str:
    return "module_" + re.sub(r"\W", "_", module.removesuffix(".js"))


def _read(name: str) -> str:
    try:
        return (PAGE / name).read_text(encoding="utf-8")  # with any line end as \n, as HTML hashes it
    except OSError as error:
        raise InputError(f"{PAGE / name} is missing: reinstall musicfeat ({error})") from error


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
