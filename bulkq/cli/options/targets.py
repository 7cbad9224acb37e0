"""The options of the section Targets: which databases, and how they are connected."""

from __future__ import annotations

from bulkq.cli.options.config_defaults import read_config
from bulkq.cli.options.option import options_of
from bulkq.cli.options.types import Count, Duration, PathText, TargetText, Text

option = options_of("Targets")

TARGET = option(
    "-t",
    "--target",
    type=TargetText(),
    multiple=True,
    metavar="URL|NAME",
    help="Database: postgresql://HOST/NAME, sqlite:///FILE, another SQLAlchemy URL, or a target or group of bulkq.toml. "
    "Repeatable.",
)
CONFIG = option(
    "--config",
    type=PathText(),
    is_eager=True,
    expose_value=False,
    callback=read_config,
    metavar="FILE",
    help="Configuration file. Default: the nearest bulkq.toml, or pyproject.toml with [tool.bulkq], in this folder or "
    "above. Use none to read no file.",
)
PER_TARGET = option(
    "--per-target",
    type=Count(1),
    metavar="N",
    help="Maximum number of connections to one target. Default: no limit.",
)
FAN_OUT = (
    option(
        "--schemas",
        type=Text(),
        multiple=True,
        metavar="PATTERN",
        help="Run once in each PostgreSQL schema that matches a LIKE pattern, for example 'tenant_%'. Separate several with "
        "commas.",
    ),
    option(
        "--schemas-with",
        type=Text(),
        multiple=True,
        metavar="SCHEMA",
        help="Append these schemas to the search path of each schema of --schemas. Separate several with commas. The schemas "
        "of extensions follow; use none to leave them out.",
    ),
    option(
        "--targets-sql",
        type=Text(),
        metavar="QUERY",
        help="Run this query on -t and use its first column (URLs or target names) as the targets.",
    ),
    PER_TARGET,
)
"""Many targets out of one, and how much of the run each may have."""

CONNECT_TIMEOUT = option(
    "--connect-timeout",
    type=Duration(),
    default="10s",
    show_default=True,
    metavar="TIME",
    help="Timeout for the first connection to each target, which is tried once. Drivers wait 10s at most.",
)
ORDER = (
    option(
        "--order",
        type=Text(),
        metavar="canary:NAME,rest",
        help="Finish the named targets first. Start the others only if no set failed there.",
    ),
    option(
        "--max-failed-targets",
        type=Count(0),
        metavar="N",
        help="Stop when more than N targets have failed or are unreachable. Default: no limit.",
    ),
)
