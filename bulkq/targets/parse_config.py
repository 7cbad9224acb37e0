"""The content of the configuration files: targets, groups of targets, defaults of options.

    [defaults]
    timeout = "10s"

    [targets.prod]
    url = "postgresql://app@db1.example/shop"
    password = { command = ["pass", "show", "db/prod"] }
    protected = true
    expect.database = "shop"

    [groups]
    everything = ["prod", "tag:replica", "eu-*"]

    [executors.cluster]
    dask = "tls://scheduler:8786"
    tls_ca = "ca.pem"

A target, a group or a default of the project's file takes the place of one of the same name in the user's.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bulkq.errors import UsageError, join_errors
from bulkq.targets.config import Config, DefaultSetting
from bulkq.targets.config_files import find_documents
from bulkq.text.characters import escape_unprintable
from bulkq.text.late_pattern import compile_late
from bulkq.text.message_parts import suggestion_or_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.model import ExecutorChoice, Target
    from bulkq.targets.config_files import ConfigDocument

SECTIONS = ("defaults", "targets", "groups", "executors")
NAME = compile_late(r"\w[\w.-]*")


def load_config(named: str | None = None, *, folder: str | None = None) -> Config:
    """Read the configuration for a folder.

    Args:
        named: of `--config`: a file that takes the place of the project's, or `none`; by default `BULKQ_CONFIG`.
        folder: where the search begins; the current one by default.

    Raises:
        UsageError: a line for each thing that is wrong, with `file:line`.
    """
    found, notices = find_documents(named or os.environ.get("BULKQ_CONFIG") or None, folder)
    if not found:
        return Config(notices=tuple(notices))
    reading = _ConfigReader(notices)
    for document in found:
        reading.read(document)
    config = Config(
        tuple(document.shown for document in found),
        reading.targets,
        reading.groups,
        reading.executors,
        reading.defaults,
        reading.places,
        reading.throttle_places,
        tuple(reading.notices),
    )
    if not reading.errors:
        from bulkq.targets.selection import broken_groups

        reading.errors += broken_groups(config)
    if reading.errors:
        raise join_errors(UsageError, reading.errors)
    return config


class _ConfigReader:
    """The values read so far, and the errors in them."""

    def __init__(self, notices: list[str]) -> None:
        self.targets: dict[str, Target] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.executors: dict[str, ExecutorChoice] = {}
        self.defaults: dict[str, DefaultSetting] = {}
        self.places: dict[str, str] = {}
        self.throttle_places: dict[str, str] = {}
        self.notices = notices
        self.warned: set[str] = set()
        self.errors: list[str] = []

    def read(self, document: ConfigDocument) -> None:
        """Add what a weaker file says."""
        readers = {"defaults": self._defaults, "targets": self._targets, "groups": self._groups}
        readers["executors"] = self._executors
        for key, value in document.table.items():
            if key not in SECTIONS:
                self.errors.append(f'{document.place(key)}: unknown key "{key}"{suggestion_or_names(key, SECTIONS)}')
            elif not isinstance(value, dict):
                self.errors.append(f"{document.place(key)}: {key} must be a table: write [{key}]")
            else:
                readers[key](document, value)

    def _defaults(self, document: ConfigDocument, table: Mapping[str, object]) -> None:
        for key, value in table.items():
            self.defaults.setdefault(key.replace("_", "-"), DefaultSetting(value, document.place("defaults", key)))

    def _targets(self, document: ConfigDocument, table: Mapping[str, object]) -> None:
        from bulkq.targets.parse_target_section import read_target

        for name, entry in table.items():
            if not self._name_is_good(document, "targets", name):
                continue
            target, errors = read_target(document, name, entry)
            self.errors += errors
            if target is not None and name not in self.targets and name not in self.groups:
                self.targets[name] = target
                self.places[name] = document.place("targets", name)
                self.throttle_places[name] = document.place("targets", name, "throttle")
                self._warn(document, target)

    def _groups(self, document: ConfigDocument, table: Mapping[str, object]) -> None:
        for name, entry in table.items():
            place = document.place("groups", name)
            if not self._name_is_good(document, "groups", name):
                continue
            if not isinstance(entry, list) or not entry or not all(isinstance(one, str) and one for one in entry):
                self.errors.append(
                    f'{place}: groups.{name} must be a list of names, for example {name} = ["prod", "eu-*", "tag:replica"]'
                )
            elif name not in self.groups and name not in self.targets:
                self.groups[name] = tuple(entry)
                self.places[name] = place

    def _executors(self, document: ConfigDocument, table: Mapping[str, object]) -> None:
        from bulkq.targets.parse_executor_section import read_executor

        for name, entry in table.items():
            if not self._name_is_good(document, "executors", name):
                continue
            choice, errors = read_executor(document, name, entry)
            self.errors += errors
            if choice is not None:
                self.executors.setdefault(name, choice)

    def _name_is_good(self, document: ConfigDocument, section: str, name: str) -> bool:
        place = document.place(section, name)
        if not NAME.fullmatch(name):
            self.errors.append(
                f'{place}: "{escape_unprintable(name)}" cannot be a name: use letters, digits, "_", "-" and "."'
            )
            return False
        other = document.table.get("targets" if section == "groups" else "groups")
        if section == "groups" and isinstance(other, dict) and name in other:
            self.errors.append(f'{place}: "{name}" is a target already: give the group another name')
            return False
        return True

    def _warn(self, document: ConfigDocument, target: Target) -> None:
        """One line for each file that shows a password to others."""
        from bulkq.text.urls import find_passwords

        if document.exposed and find_passwords(target.url) and document.shown not in self.warned:
            self.warned.add(document.shown)
            self.notices.append(
                f"{document.place('targets', target.name, 'url')}: others can read the password in targets.{target.name}.url: "
                f"chmod 600 {document.shown}, or write password = {{ env = ... }}, {{ file = ... }} or {{ command = ... }}"
            )
