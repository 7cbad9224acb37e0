"""The text format of Prometheus, version 0.0.4: families of samples with HELP and TYPE. Pure.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Sample = tuple[Mapping[str, str], float]
"""Labels and value."""

Family = tuple[str, str, str, Iterable[Sample]]
"""Name, type (`counter`, `gauge`), help, samples."""


def format_exposition(families: Iterable[Family]) -> str:
    """Return the text of `families`. One without samples is left out."""
    lines: list[str] = []
    for name, kind, help_text, samples in families:
        found = [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]
        if found:
            lines += [f"# HELP {name} {_escaped(help_text)}", f"# TYPE {name} {kind}", *found]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    pairs = ",".join(f'{name}="{_escaped(value, quote=True)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escaped(text: str, *, quote: bool = False) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n")
    return escaped.replace('"', '\\"') if quote else escaped


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))
