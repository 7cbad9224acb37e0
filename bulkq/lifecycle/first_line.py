"""The first line that a run prints: its mode, targets, lanes and promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bulkq.lifecycle import row_key_parameters
from bulkq.policy import safety

if TYPE_CHECKING:
    from bulkq.lifecycle.open_targets import OpenTarget
    from bulkq.lifecycle.record import RecordedRun
    from bulkq.lifecycle.run_resources import OpenRun


def first_line(recorded: RecordedRun) -> str:
    """Return the first line of a run: its mode, targets, lanes and promise."""
    opened = recorded.opened
    request = opened.request
    where = _many(opened) if opened.several else _one(opened.targets[0], write=request.safety.write)
    words = [f"run={opened.run}", opened.mode, *where]
    lanes = 1 if request.limits.ordered and not opened.several else request.limits.concurrency or "auto"
    words.insert(len(words) if opened.several else 4, f"lanes={lanes}")
    words.extend(f"spool={path}" for path in opened.sources.spools.values())
    words.extend(f"throttle={expression}" for expression in request.limits.throttle)
    if request.safety.write:
        words.append(
            f"({'; '.join(filter(None, (safety.sentence(opened.mode), row_key_parameters.sentence(opened))))})"
        )
    return " ".join(words)


def _one(target: OpenTarget, *, write: bool) -> list[str]:
    """Return the fields for the only target."""
    server = target.server
    assert server is not None, "it was looked at"
    words = [f"{server.product} {server.version}", target.label]
    if server.tls:
        words.append(f"tls={server.tls}")
    if server.pooled:
        words.append("pooler=transaction (unnamed statements, SET LOCAL only)")
    if not target.driver.capabilities.cancels:
        words.append("cancel=no")
    if write and not server.counts:
        words.append("counts=no")
    if len(target.places) > 1:
        words.append(f"schemas={len(target.places)}")
    return words


def _many(opened: OpenRun) -> list[str]:
    """Return the fields for several targets: their number, and on how many of them something is unusual."""
    found = [target.server for target in opened.targets if target.server is not None and target.lost is None]
    lost = sum(1 for target in opened.targets if target.lost is not None)
    counts = (
        ("unreachable", lost),
        ("tls=unverified", sum(1 for server in found if server.tls == "unverified")),
        ("tls=off", sum(1 for server in found if server.tls == "off")),
        ("pooled", sum(1 for server in found if server.pooled)),
        ("counts=no", sum(1 for server in found if opened.request.safety.write and not server.counts)),
        ("cancel=no", sum(1 for target in opened.targets if not target.driver.capabilities.cancels)),
    )
    return [f"targets={len(opened.request.targets.selected)}", *(f"{name}:{count}" for name, count in counts if count)]
