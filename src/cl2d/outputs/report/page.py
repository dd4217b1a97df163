"""The page as one file: layout, style, programs and data, none of it fetched from anywhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from typing import Any

from cl2d.outputs.run_record import plain_json

# In the order in which they build on each other.
_SCRIPTS = (
    "elements.js",
    "charts.js",
    "selection.js",
    "selection_bar.js",
    "measures.js",
    "gallery_controls.js",
    "gallery.js",
    "class_parts.js",
    "class_panel.js",
    "tree.js",
    "cluster_costs.js",
    "run_tabs.js",
    "page.js",
)


def html(data: dict[str, Any]) -> str:
    """Return the page that shows some data, which must be plain but for numpy and NaN.

    The data stand in the page as JSON in which no ``<``, ``>`` or ``&`` is left, so that no name
    from a file can end the element they are in; the scripts put names into the page as text, never
    as markup. The policy of the page forbids requests, and scripts other than its own.
    """
    style = _part("page.css")
    script = '"use strict";\n' + "\n".join(_part(name) for name in _SCRIPTS)
    parts = {
        "POLICY": _policy(script, style),
        "STYLE": style,
        "DATA": embedded_json(data),
        "SCRIPT": script,
    }
    # In one pass: what is put in may hold what looks like a slot.
    return re.sub(r"\{\{(\w+)\}\}", lambda slot: parts[slot[1]], _part("page.html"))


def embedded_json(data: object) -> str:
    """Return data as JSON that may stand in a script element of a page: ASCII, no markup."""
    text = json.dumps(plain_json(data), allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _policy(script: str, style: str) -> str:
    return (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"script-src {_fingerprint(script)}; style-src {_fingerprint(style)}"
    )


def _fingerprint(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")
    return f"'sha256-{digest}'"
