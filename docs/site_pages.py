"""What the site adds to the folder docs: pages from elsewhere in the repository.

Pages link to each other as files do, so that they can be read on a git host. CONTRIBUTING.md and
the like lie outside the folder that the site is made of: they become pages below ``project/``, and
links to them, and theirs, are turned accordingly. A link that leads nowhere is left as it is, for
the build to refuse.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, InclusionLevel

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
FOLDER = "project"
PATTERNS = (
    "*.md",
    "CITATION.cff",
    "LICENSE",
    "bench/*.json",
    "bench/*.md",
    "bench/*.toml",
    "examples/*.py",
    "integrations/*/*.md",
)
OUTSIDE = frozenset(
    path.relative_to(ROOT).as_posix() for pattern in PATTERNS for path in ROOT.glob(pattern)
) - {"README.md"}
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and files from outside the folder."""
    for name in sorted(OUTSIDE):
        added = File.generated(
            config,
            f"{FOLDER}/{name}",
            abs_src_path=str(ROOT / name),
            inclusion=InclusionLevel.NOT_IN_NAV,  # the menu need not name it
        )
        files.append(added)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Turn links between the folder and what lies outside it."""
    source = page.file.src_uri
    return LINK.sub(lambda found: found[1] + turned(found[2], source) + found[3], markdown)


def turned(target: str, source: str) -> str:
    """Return a link of a page of the site as it has to be there.

    Parameters
    ----------
    target
        The link as in the file: relative to it, or an address of the web.
    source
        The page, relative to the folder of the site.
    """
    if "://" in target or target.startswith("mailto:"):
        return target
    inside = source.startswith(f"{FOLDER}/")
    in_repository = source.removeprefix(f"{FOLDER}/") if inside else f"docs/{source}"
    aim = posixpath.normpath(posixpath.join(posixpath.dirname(in_repository), target))
    if aim in OUTSIDE:
        site_path = f"{FOLDER}/{aim}"
    elif aim in ("README.md", "docs/README.md"):
        site_path = "index.md"
    elif aim.startswith("docs/"):
        site_path = aim.removeprefix("docs/")
    else:
        return target
    return posixpath.relpath(site_path, posixpath.dirname(source) or ".")
