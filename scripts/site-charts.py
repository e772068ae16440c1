#!/usr/bin/env python3
"""Draws the charts of the site and of the papers from what `make bench` wrote.

site-charts.py [RESULTS...]      default: bench/results/*.jsonl

The files are read in the order of their names, so that of two figures of one
contestant the later counts. One chart a row, one bar a contestant; which rows
are shown, and in what words, is said in site-charts.json. The charts go into
site/index.html and README.md between their markers, and one by one into
docs/charts/.
"""
import glob
import html
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHARTS = ROOT / "scripts" / "site-charts.json"

WIDTH, LABEL, VALUE = 440, 148, 58
ROW, BAR = 28, 16

# For the single files, which have no page around them to lend its colours.
STYLE = """<style>
text { font: 13px system-ui, "Segoe UI", "Noto Sans", Arial, sans-serif; fill: #1c2520; }
.bar { fill: #bcc6bf; } .bar.ours { fill: #2c6e4c; }
.bar.floor { fill: #f4e6c8; stroke: #a86f12; stroke-dasharray: 3 2; }
.span { stroke: #1c2520; opacity: .55; } .ours-name { font-weight: 650; }
@media (prefers-color-scheme: dark) {
  text { fill: #e5eae4; } .bar { fill: #47534b; } .bar.ours { fill: #7cc79a; }
  .bar.floor { fill: #3a301b; stroke: #dfb05a; } .span { stroke: #e5eae4; }
}
</style>"""


def kind_of(contestant):
    if contestant.startswith(("floor", "two bare", "one thread", "two threads")):
        return "floor"
    return "peer" if contestant in ("libuv", "nginx", "Go", "State Threads") else "ours"


def shown(value):
    """Three significant digits, and never an exponent."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:#.3g}".rstrip(".")


def draw(title, figures, style=""):
    """One chart as SVG: a horizontal bar a figure, with its spread."""
    top = max(figure["max"] for figure in figures)
    scale = (WIDTH - LABEL - VALUE) / top if top > 0 else 0
    height = ROW * len(figures) + 4
    said = "; ".join(f"{f['name']} {shown(f['value'])} {f['unit']}" for f in figures)
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"'
             f' aria-label="{html.escape(title + ": " + said)}">{style}']
    for i, figure in enumerate(figures):
        middle = ROW * i + ROW // 2 + 2
        kind = figure["kind"]
        width = max(figure["value"] * scale, 1.5)
        low, high = figure["min"] * scale, figure["max"] * scale
        ours = ' class="ours-name"' if kind == "ours" else ""
        lines.append(f'<text{ours} x="{LABEL - 10}" y="{middle + 4.5}" text-anchor="end">'
                     f'{html.escape(figure["name"])}</text>')
        lines.append(f'<rect class="bar {kind}" x="{LABEL}" y="{middle - BAR / 2}"'
                     f' width="{width:.1f}" height="{BAR}" rx="2"/>')
        if high - low >= 1:
            lines.append(f'<path class="span" fill="none" d="M{LABEL + low:.1f} {middle}'
                         f'H{LABEL + high:.1f}M{LABEL + low:.1f} {middle - 4}v8'
                         f'M{LABEL + high:.1f} {middle - 4}v8"/>')
        lines.append(f'<text class="value" x="{LABEL + max(width, high) + 8:.1f}"'
                     f' y="{middle + 4.5}">{shown(figure["value"])}</text>')
    lines.append("</svg>")
    return "\n".join(lines)


def read(paths):
    """The last figure of each row and contestant: {row: {contestant: figure}}."""
    rows = {}
    for path in paths:
        for line in pathlib.Path(path).read_text().splitlines():
            record = json.loads(line)
            if record.get("record") == "figure" and "median" in record:
                figure = {"name": record["contestant"], "unit": record["unit"],
                          "value": record["median"], "min": record["min"], "max": record["max"]}
                rows.setdefault(record["row"], {})[figure["name"]] = figure
    return rows


def charts_of(rows):
    """The charts of site-charts.json for which there are figures, smallest figure first."""
    charts = []
    for chart in json.loads(CHARTS.read_text()):
        figures = []
        for name, source in chart["from"].items():
            row, _, contestant = source.partition("/")
            if contestant in rows.get(row, {}):
                figures.append({**rows[row][contestant], "name": name, "unit": chart["unit"],
                                "kind": kind_of(contestant)})
        if figures:
            charts.append({**chart, "figures": sorted(figures, key=lambda f: f["value"])})
    return charts


def page_part(charts):
    if not charts:
        return "<p>They appear here after <code>make bench</code>.</p>"
    parts = [
        '<p>CPU time, not throughput: on a shared machine throughput is noise. The floor is the '
        'shortest C program that does the same kernel work. Bars are medians of rounds in which '
        'the contestants take turns; the thin line goes from the least to the most. Shorter is '
        'better.</p>',
        '<ul class="legend"><li class="ours"><i></i>dure</li><li class="floor"><i></i>the floor'
        '</li><li><i></i>others, from packages</li></ul>',
        '<div class="charts">']
    for chart in charts:
        parts.append(f'<figure class="chart"><figcaption><h3>{html.escape(chart["title"])}</h3>'
                     f'<p class="unit">{html.escape(chart["unit"])}</p></figcaption>')
        parts.append(draw(chart["title"], chart["figures"]))
        parts.append("</figure>")
    parts.append("</div>")
    return "\n".join(parts)


def readme_part(charts):
    return "\n\n".join(f"**{chart['title']}** ({chart['unit']})\n\n"
                       f"![{chart['title']}](docs/charts/{chart['file']}.svg)"
                       for chart in charts if chart.get("readme"))


def replace(path, mark, part):
    """Puts a part between two markers of a file."""
    text, found = re.subn(rf"(<!-- {mark}:begin -->).*?(<!-- {mark}:end -->)",
                          lambda m: f"{m.group(1)}\n{part}\n{m.group(2)}",
                          path.read_text(), flags=re.S)
    if found != 1:
        sys.exit(f"{path}: the markers {mark}:begin and {mark}:end are missing")
    path.write_text(text)


def main():
    rows = read(sys.argv[1:] or sorted(glob.glob(str(ROOT / "bench/results/*.jsonl"))))
    charts = charts_of(rows)
    replace(ROOT / "site" / "index.html", "charts", page_part(charts))
    if charts:
        replace(ROOT / "README.md", "charts", readme_part(charts))
    folder = ROOT / "docs" / "charts"
    for chart in charts:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{chart['file']}.svg").write_text(
            draw(chart["title"], chart["figures"], STYLE) + "\n")
    print(f"{len(charts)} charts from {len(rows)} rows")


if __name__ == "__main__":
    main()
