"""Named databases: their configuration in `bulkq.toml`, the selection by `-t`, and how they are opened.

config, config_files, parse_config, parse_target_section, parse_executor_section    files -> values; `toml_lines`: the line of an error
selection, same_database          which targets `-t` means; which of them are one database
connect, passwords, expectations  a session: password (its command is read in `parse_target_section`), `expect.*`
bounded_concurrency               many targets at once
parameter_rows_from_query         the rows of `-p sql:...`

Every name is imported on first use: most commands are typed in a folder without a configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.late_names import import_late

if TYPE_CHECKING:
    from bulkq.targets.config import Config, DefaultSetting
    from bulkq.targets.connect import connect_within, open_target
    from bulkq.targets.parse_config import load_config
    from bulkq.targets.passwords import find_password
    from bulkq.targets.selection import renew_target, resolve_targets, with_replicas

__all__ = [
    "Config",
    "DefaultSetting",
    "connect_within",
    "find_password",
    "load_config",
    "open_target",
    "renew_target",
    "resolve_targets",
    "with_replicas",
]

_HOMES = {
    "Config": "config",
    "DefaultSetting": "config",
    "connect_within": "connect",
    "load_config": "parse_config",
    "open_target": "connect",
    "find_password": "passwords",
    "renew_target": "selection",
    "resolve_targets": "selection",
    "with_replicas": "selection",
}

__getattr__ = import_late(__name__, _HOMES)
