"""A static SVG chart: rows of a label, a value and a mark. It is readable in light and dark, and on a phone."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

WIDTH = 400
"""Units of the drawing. A phone shows it at about this many pixels, so the text keeps its size."""

SHOWN = 1.2
"""Pixels of a unit where there is room."""

EDGE, ROW, HEADING = 16, 38, 34

STYLE = """\
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
.ground { fill: #ffffff; stroke: #d1d9e0; }
.head { font-weight: 600; font-size: 14px; }
.value { font-variant-numeric: tabular-nums; text-anchor: end; }
.soft { fill: #59636e; font-size: 12px; }
.middle { text-anchor: middle; }
.ours { fill: #0969da; font-weight: 600; }
.theirs { fill: #818b98; }
.track { stroke: #d1d9e0; }
.limit { stroke: #1f2328; stroke-width: 2; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.ground { fill: #151b23; stroke: #3d444d; }
.soft { fill: #9198a1; }
.ours { fill: #4493f8; }
.theirs { fill: #7d8590; }
.track { stroke: #3d444d; }
.limit { stroke: #e6edf3; }
}
"""


@dataclass(slots=True)
class Drawing:
    """Elements below one another. `height` grows with them."""

    title: str
    description: str
    height: float = EDGE
    _elements: list[str] = field(default_factory=list)

    def heading(self, text: str, more: str = "") -> None:
        """Add a heading, with a softer line below it."""
        self.height += HEADING - 14
        self._text(EDGE, self.height, text, "head")
        if more:
            self.height += 17
            self._text(EDGE, self.height, more, "soft")
        self.height += 8

    def bar(self, label: str, value: str, share: float, *, ours: bool) -> None:
        """Add a row with a bar of `share` of the width."""
        self._row(label, value, ours=ours)
        width = max(1.0, share * (WIDTH - 2 * EDGE))
        kind = "ours" if ours else "theirs"
        self._add(
            f'<rect class="{kind}" x="{EDGE}" y="{self.height + 19:.1f}" width="{width:.1f}" height="9" rx="1.5"/>'
        )
        self.height += ROW

    def dot(self, label: str, value: str, at: float, limit: float, *, middle: float) -> None:
        """Add a row with a dot at the share `at`, joined to `middle`, and an upright line at `limit`."""
        self._row(label, value, ours=False)
        y = self.height + 24
        self._line("track", EDGE, y, WIDTH - EDGE, y)
        left, right = sorted((_x(middle), _x(at)))
        self._add(f'<rect class="ours" x="{left:.1f}" y="{y - 1.5:.1f}" width="{right - left:.1f}" height="3"/>')
        self._line("limit", _x(limit), y - 6, _x(limit), y + 6)
        self._add(f'<circle class="ours" cx="{_x(at):.1f}" cy="{y:.1f}" r="5"/>')
        self.height += ROW

    def axis(self, marks: dict[str, float]) -> None:
        """Add the numbers of a scale by their share of the width."""
        for text, share in marks.items():
            self._text(_x(share), self.height + 12, text, "soft middle")
        self.height += 20

    def note(self, *lines: str) -> None:
        """Add soft lines."""
        for line in lines:
            self._text(EDGE, self.height + 12, line, "soft")
            self.height += 17

    def __str__(self) -> str:
        """The document."""
        height = self.height + EDGE
        size = f'viewBox="0 0 {WIDTH} {height:.0f}" width="{WIDTH * SHOWN:.0f}" height="{height * SHOWN:.0f}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="title desc">'
        ground = f'<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="6"/>'
        named = (
            f'<title id="title">{escape(self.title)}</title>',
            f'<desc id="desc">{escape(self.description)}</desc>',
        )
        return "\n".join([head, *named, f"<style>\n{STYLE}</style>", ground, *self._elements, "</svg>", ""])

    def _row(self, label: str, value: str, *, ours: bool) -> None:
        self._text(EDGE, self.height + 13, label, "head" if ours else "")
        self._text(WIDTH - EDGE, self.height + 13, value, "value head" if ours else "value")

    def _text(self, x: float, y: float, text: str, kind: str) -> None:
        named = f' class="{kind}"' if kind else ""
        self._add(f'<text{named} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>')

    def _line(self, kind: str, x1: float, y1: float, x2: float, y2: float) -> None:
        self._add(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def _add(self, element: str) -> None:
        self._elements.append(element)


def _x(share: float) -> float:
    return EDGE + share * (WIDTH - 2 * EDGE)
