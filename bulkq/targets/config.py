"""What the configuration files say, as values; `bulkq.targets.parse_config` reads them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from bulkq.model.frozen_dataclass import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bulkq.model import ExecutorChoice, Target


@frozen
class DefaultSetting:
    """A default of an option, as it stands in a file, and where that is."""

    value: object
    place: str


@frozen
class Config:
    """All that the files say."""

    files: tuple[str, ...] = ()  # that were read, the strongest first
    targets: Mapping[str, Target] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    executors: Mapping[str, ExecutorChoice] = field(default_factory=dict)
    defaults: Mapping[str, DefaultSetting] = field(
        default_factory=dict
    )  # by the option's long name, without the dashes
    places: Mapping[str, str] = field(default_factory=dict)  # of targets and groups, by name
    throttle_places: Mapping[str, str] = field(default_factory=dict)  # of the throttles of targets, by name
    notices: tuple[str, ...] = ()  # what people should be warned of
