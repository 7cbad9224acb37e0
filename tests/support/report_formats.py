"""What reads reports: the schema of Jenkins and the grammar of GitHub's annotations."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xmlschema

COMMAND = re.compile(r"::(error|warning|notice) (?:file=([^,:]+),line=(\d+),)?title=([^,:]+)::(.*)")


@cache
def junit_schema() -> xmlschema.XMLSchema:
    """The schema of Jenkins, read by the first test that needs it: every process of the suite imports this file."""
    import xmlschema

    return xmlschema.XMLSchema(str(Path(__file__).with_name("junit-10.xsd")))
