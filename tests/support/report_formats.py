"""What reads reports: the schema of Jenkins and the grammar of GitHub's annotations."""

from __future__ import annotations

import re
from pathlib import Path

import xmlschema

JENKINS = xmlschema.XMLSchema(str(Path(__file__).with_name("junit-10.xsd")))
COMMAND = re.compile(r"::(error|warning|notice) (?:file=([^,:]+),line=(\d+),)?title=([^,:]+)::(.*)")
