#!/usr/bin/env bash
# rich: the SVG and the HTML of a recorded console differ in what they need: the SVG requests four font files from another host whenever it is opened.
#
# rich 15.0.0, Python 3.11. A good guess: a picture of a terminal that was saved to a file is complete, and shows the same without a network. The SVG has
# @font-face rules with addresses of a content network, so a page with it tells that host who reads it, a content policy blocks it, and without the font
# its columns do not fit their frame: each text has its width as an attribute, and is stretched. The HTML of the same console requests nothing.
# Take the rules out of the SVG, or pass a `code_format` without them.
#
# Output seen:
#   svg   4 addresses of fonts   textLength in every text
#   html  0 addresses of fonts
# Exits with 1 if one of these changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'cd /; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check 'rich==15.0.0'
cd "$folder"

venv/bin/python - <<'PY' | tee output
import io
import re

from rich.console import Console

console = Console(file=io.StringIO(), record=True, width=40)
console.print("[bold]a table[/] of ▁▃▅█")
svg, html = console.export_svg(clear=False), console.export_html()
addresses = [len(re.findall(r"url\(\"?'?https?://", text)) for text in (svg, html)]
stretched = "textLength in every text" if svg.count("<text") - 1 == svg.count("textLength") else "texts without a length"
print(f"svg   {addresses[0]} addresses of fonts   {stretched}")
print(f"html  {addresses[1]} addresses of fonts")
PY
cat > expected <<'OUT'
svg   4 addresses of fonts   textLength in every text
html  0 addresses of fonts
OUT
diff expected output
