"""The parts of Markdown pages that show figures: each stands between `<!-- figures: NAME -->` and `<!-- end -->`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from benchmarks.result import Result, Side
    from benchmarks.svg import Drawing

PERFORMANCE = Path("docs/explanation/performance.md")
PAGES = (PERFORMANCE, Path("README.md"))
PART = re.compile(r"(<!-- figures: (?P<name>\w+) -->)(?P<text>.*?)(<!-- end -->)", re.DOTALL)


def fill(text: str, parts: Mapping[str, str]) -> str:
    """Write parts into a page; those that are not given stay."""
    return PART.sub(lambda found: f"{found[1]}{parts.get(found['name'], found['text'])}{found[4]}", text)


def tabulate(
    record: Mapping[str, Any], results: Sequence[tuple[str, Result]], charts: Mapping[Path, Drawing]
) -> dict[str, str]:
    """The parts that show a record, by name."""
    pgbench = next((f"{r.ratio:.1f}" for row, r in results if row == "P1" and _is_pgbench(r)), None)
    return {
        "machine": f"\n{_describe(record)}\n",
        "charts": f"\n{_show(charts)}\n",
        "table": f"\n{_table(record, results)}\n",
        **({} if pgbench is None else {"pgbench": pgbench}),
    }


def tabulate_alone(record: Mapping[str, Any], results: Sequence[tuple[str, Result]]) -> str:
    """A record of its own: what was measured, and its table."""
    return f"\n{_describe(record)}\n\n{_table(record, results)}\n"


def tabulate_profile(profile: Mapping[str, Any]) -> str:
    """A table of microseconds, a column for each kind of lookup."""
    lookups = profile["lookups"]
    where = (
        f"{profile['machine']['processor']}, {profile['machine']['cores']} cores, load average {profile['load']:.1f}"
    )
    lines = [
        f"Measured on {profile['date']} at commit {profile['commit']}: {profile['count']:,} lookups. {where}.",
        "",
        f"| microseconds of CPU time | {' | '.join(lookups)} |",
        f"|---|{'---|' * len(lookups)}",
    ]
    for side in ("client", "server"):
        lines.append(_row(f"**{side}**", [sum(found[side].values()) for found in lookups.values()], "**"))
        parts: dict[str, float] = {}
        for found in lookups.values():
            for name, spent in found[side].items():
                parts[name] = max(spent, parts.get(name, 0.0))
        names = sorted(parts, key=lambda name: (name == "other", -parts[name]))
        lines += [_row(name, [found[side].get(name, 0.0) for found in lookups.values()]) for name in names]
    lines.append(_row("time that passes", [found["wall"] for found in lookups.values()]))
    return "\n".join(["", *lines, ""])


def _row(name: str, values: Sequence[float], mark: str = "") -> str:
    return f"| {name} | {' | '.join(f'{mark}{value:.2f}{mark}' if value else '' for value in values)} |"


def _is_pgbench(result: Result) -> bool:
    return result.theirs is not None and result.theirs.name.startswith("pgbench")


def _describe(record: Mapping[str, Any]) -> str:
    """Sentences about the machine and the versions."""
    machine, versions = record["machine"], dict(record["versions"])
    commit = versions.pop("commit")
    first = f"Measured on {record['date']} at commit {commit}"
    if (earlier := versions.pop("earlier build", None)) is not None:
        first += f"; the earlier build is commit {earlier}"
    size = f"{machine['cores']} cores, {machine['memory_gb']} GB, {machine['system']}"
    place = f"{machine['processor']}, {size}, load average {record['load']:.1f}"
    scale = "" if record["scale"] == 1 else f" The work is {record['scale']:g} of what the table of the work says."
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{first}. {place}.\nMedians of {record['rounds']}. {said}.{scale}"


def _show(charts: Mapping[Path, Drawing]) -> str:
    """An image for each chart, with its title as text. The descriptions are in the images and in the table."""
    up = "../" * (len(PERFORMANCE.parts) - 2)
    return "\n\n".join(f"![{d.title}]({up}{path.relative_to('docs').as_posix()})" for path, d in charts.items())


def _table(record: Mapping[str, Any], results: Sequence[tuple[str, Result]]) -> str:
    """A table of all results, and what was skipped."""
    lines = ["| # | work | bulkq | against | ratio | bound |", "|---|---|---|---|---|---|"]
    for row, result in results:
        unit = "" if result.at_most is not None and result.unit == "x" else result.unit
        ratio = f"{result.ratio:.2f}{unit}" + ("" if result.reached else ", **short**")
        theirs = "" if result.theirs is None else _cell(result.theirs)
        cells = (row, result.work, _cell(result.ours), theirs, ratio, f"{result.bound}{unit}")
        lines.append(f"| {' | '.join(cells)} |")
    skipped = [f"- {one['row']} was not measured: {one['reason']}." for one in record["skipped"]]
    return "\n".join([*lines, *([""] if skipped else []), *skipped])


def _cell(side: Side) -> str:
    return str(side).replace("|", "\\|")
