"""Charts as SVG: one a row, a horizontal bar a contestant, its spread as a thin line."""

import html

WIDTH, PAD = 420, 16
STEP, BAR = 26, 15
# How wide a character is at the most that the fonts below give on average: plain, of our own names,
# which are bold, and of titles.
TEXT, OURS, TITLE = 7.2, 8.2, 8.0

# A chart that stands alone has its own paper: what it is shown on may be of the other colour.
STYLE = """<style>
.paper { fill: #ffffff; stroke: #d9dcd6; }
text { font: 13px system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", Arial, sans-serif; fill: #1c2520; }
.title { font-size: 14px; font-weight: 650; } .unit { font-size: 12.5px; fill: #56635b; }
.ours-name { font-weight: 650; } .span { stroke: #1c2520; opacity: .55; }
.bar { fill: #bcc6bf; } .bar.ours { fill: #2c6e4c; }
.bar.floor { fill: #f4e6c8; stroke: #a86f12; stroke-dasharray: 3 2; }
@media (prefers-color-scheme: dark) {
  .paper { fill: #161b22; stroke: #30363d; }
  text { fill: #e5eae4; } .unit { fill: #9dab9f; } .span { stroke: #e5eae4; }
  .bar { fill: #57645b; } .bar.ours { fill: #7cc79a; }
  .bar.floor { fill: #3a301b; stroke: #dfb05a; }
}
</style>"""


def kind_of(contestant):
    """What a bar looks like: ours, the floor, or others."""
    if contestant.startswith("dure"):
        return "ours"
    floors = ("floor", "two bare", "one thread", "two threads")
    return "floor" if contestant.startswith(floors) else "peer"


def shown(value):
    """Three significant digits, and never an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}".rstrip(".")


def said(title, unit, figures):
    """The chart in words, for those who do not see it."""
    return f"{title}, {unit}: " + "; ".join(
        f"{figure['contestant']} {shown(figure['median'])}" for figure in figures)


def width_of(contestant):
    return len(contestant) * (OURS if kind_of(contestant) == "ours" else TEXT)


def bar(figure, label, scale, middle):
    """A contestant's name, bar, spread and value."""
    kind = kind_of(figure["contestant"])
    width = max(figure["median"] * scale, 1.5)
    low, high = label + figure["min"] * scale, label + figure["max"] * scale
    of_ours = ' class="ours-name"' if kind == "ours" else ""
    parts = [f'<text{of_ours} x="{label - 8}" y="{middle + 4.5}" text-anchor="end">'
             f'{html.escape(figure["contestant"])}</text>',
             f'<rect class="bar {kind}" x="{label}" y="{middle - BAR / 2}" width="{width:.1f}"'
             f' height="{BAR}" rx="2"/>']
    if high - low >= 1:
        parts.append(f'<path class="span" fill="none" d="M{low:.1f} {middle}H{high:.1f}'
                     f'M{low:.1f} {middle - 4}v8M{high:.1f} {middle - 4}v8"/>')
    parts.append(f'<text class="value" x="{max(label + width, high) + 6:.1f}" y="{middle + 4.5}">'
                 f'{shown(figure["median"])}</text>')
    return parts


def draw(title, unit, figures, alone):
    """One chart. Alone, with paper, title and colours of its own; else for a page that has them."""
    figures = sorted(figures, key=lambda figure: figure["median"])
    left, top = (PAD, 52) if alone else (0, 0)
    label = left + round(max(width_of(figure["contestant"]) for figure in figures)) + 8
    room = WIDTH - left - label - TEXT * max(len(shown(f["median"])) for f in figures) - 6
    most = max(figure["max"] for figure in figures)
    scale = room / most if most > 0 else 0
    height = top + STEP * len(figures) + (10 if alone else 2)
    size = f' width="{WIDTH}" height="{height}"' if alone else ""
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"{size}'
             f' role="img" aria-label="{html.escape(said(title, unit, figures))}">']
    if alone:
        lines += [STYLE, f'<rect class="paper" x=".5" y=".5" width="{WIDTH - 1}"'
                         f' height="{height - 1}" rx="6"/>',
                  f'<text class="title" x="{PAD}" y="25">{html.escape(title)}</text>',
                  f'<text class="unit" x="{PAD}" y="43">{html.escape(unit)}</text>']
    for number, figure in enumerate(figures):
        lines += bar(figure, label, scale, top + STEP * number + STEP / 2)
    return "\n".join([*lines, "</svg>"])
