"""Configuration of the documentation site: https://www.sphinx-doc.org/en/master/usage/configuration.html."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

from docutils import nodes
from sphinx.ext.napoleon import Config, GoogleDocstring

from bulkq import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "bulkq"
author = "the authors of bulkq"
copyright = author  # noqa: A001 - the name that Sphinx reads
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "click_reference"]
exclude_patterns = ["_build"]
smartquotes = False  # it would make a dash of the two hyphens of an option
source_suffix = {".md": "markdown"}
suppress_warnings = ["misc.highlighting_failure"]  # a console block may show output that no lexer knows

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "code"  # docstrings write `name`, as Markdown does
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

LONGEST_WHOLE = 24
"""Characters of inline code that stay on one line, also on a phone."""

html_theme = "furo"
html_title = f"bulkq {__version__}"
html_static_path = ["_static"]
html_css_files = ["bulkq.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_show_sphinx = False


def convert_sections(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Convert `Args:` and `Raises:`. Those of a property stay: napoleon takes the words before its first colon for a type."""
    if what != "property":
        lines[:] = GoogleDocstring(lines, Config(), app, what, name, obj, options).lines()


def keep_short_code_whole(app: Sphinx, tree: nodes.document, page: str) -> None:
    """Mark short inline code, so that the style sheet keeps it on one line: `--write` would break behind its hyphens."""
    for code in tree.findall(nodes.literal):
        if len(code.astext()) <= LONGEST_WHOLE:
            code["classes"].append("whole")


def setup(app: Sphinx) -> None:
    """Register what is special to this site."""
    app.connect("doctree-resolved", keep_short_code_whole)
    app.connect("autodoc-process-docstring", convert_sections)
