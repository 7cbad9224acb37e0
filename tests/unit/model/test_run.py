"""A run as six sections, and by the flat names that resumes and old records use."""

from __future__ import annotations

from dataclasses import fields

from bulkq.model import Run, Target
from bulkq.model.run import FLAT, SECTIONS, make_run, set_fields


def test_every_field_of_every_section_has_a_flat_name() -> None:
    """One name each, so that a record of the first form loses nothing."""
    every = {(section, one.name) for section, kind in SECTIONS.items() for one in fields(kind)}
    assert set(FLAT.values()) == every
    assert [one.name for one in fields(Run)] == [
        *SECTIONS,
        "backfill",
        "maintenance",
    ]  # which records of the first form never had


def test_fields_are_set_by_their_flat_names() -> None:
    """Each lands in its section, and the others stay."""
    run = make_run(timeout_s=1.0, retries=2, output="rows.csv")
    changed = set_fields(run, {"retries": 3, "params": ("ids.csv",)})
    assert (changed.limits.timeout_s, changed.limits.retries) == (1.0, 3)
    assert (changed.sources.specs, changed.output.path) == (("ids.csv",), "rows.csv")
    assert set_fields(run, {}) == run


def test_a_run_on_other_targets() -> None:
    """Its URL is that of the first target."""
    targets = (Target(url="sqlite:///a.db"), Target(url="sqlite:///b.db"))
    run = make_run(write=True).on(targets)
    assert (run.targets.selected, run.url, run.safety.write) == (targets, "sqlite:///a.db", True)
