"""The page of dure compare: its source, and what a browser makes of it."""
import html.parser
import json
import re
import subprocess
import tempfile

# Elements that have no end.
VOID = {"meta", "link", "br"}


class Chart:
    def __init__(self):
        self.marks = 0
        self.sentences = []


class Page(html.parser.HTMLParser):
    """Reads the source. Every element has to be closed where it should."""

    def __init__(self, source):
        super().__init__()
        self.open = []
        self.charts = {}
        self.chart = None
        self.text = ""
        self.data = None
        self.ids = set()
        self.feed(source)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        for name in ("src", "href"):
            value = attributes.get(name, "#")
            assert value.startswith(("#", "data:")), f"the page needs {value}"
        if "id" in attributes:
            assert attributes["id"] not in self.ids, f"two are {attributes['id']}"
            self.ids.add(attributes["id"])
        if tag == "figure":
            self.chart = self.charts[attributes["id"]] = Chart()
        if attributes.get("class") == "mark" and tag == "g":
            self.chart.marks += 1
        if tag == "li" and ("ul", "seen") in self.open:
            self.chart.sentences.append("")
        if tag not in VOID:
            self.open.append((tag, attributes.get("class") or attributes.get("id")))

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, f"</{tag}> in {self.open}"
        self.open.pop()

    def handle_data(self, data):
        if self.open and self.open[-1][0] == "script":
            self.data = json.loads(data)
        elif ("ul", "seen") in self.open and self.chart.sentences:
            self.chart.sentences[-1] += data
        self.text += data


def read(path):
    source = path.read_text()
    assert not re.search(r"https?://(?!www\.w3\.org)", source), "the page names an address"
    assert "nan" not in re.sub(r"<[^>]*>[^<]*", lambda m: m.group(0).split(">")[0], source), "NaN"
    return Page(source)


# Run in the page: what is seen of each chart, and whether anything sticks out.
LOOK = """
const seen = {};
for (const figure of document.querySelectorAll("figure")) {
  const shown = [...figure.querySelectorAll(".sheet > svg")]
      .filter(svg => svg.getBoundingClientRect().width > 0);
  const svg = shown[0], box = svg.getBoundingClientRect();
  const area = figure.getBoundingClientRect();
  seen[figure.id] = {
    shown: shown.map(svg => svg.getAttribute("class")),
    width: box.width,
    marks: [...svg.querySelectorAll(".mark")].filter(mark => {
      const at = mark.getBoundingClientRect();
      return at.width > 1 && at.height > 1 && at.left >= box.left - 1 && at.right <= box.right + 1
          && at.top >= box.top - 1 && at.bottom <= box.bottom + 1;
    }).length,
    all: svg.querySelectorAll(".mark").length,
    outside: [...svg.querySelectorAll("text")].filter(text => {
      const at = text.getBoundingClientRect();
      return at.left < area.left - 1 || at.right > area.right + 1;
    }).map(text => text.textContent),
    overlapping: overlapping([...svg.querySelectorAll("text")]),
    size: Math.min(...[...svg.querySelectorAll("text")].map(text =>
        parseFloat(getComputedStyle(text).fontSize) * box.width / svg.viewBox.baseVal.width)),
  };
}
function overlapping(texts) {
  const boxes = texts.map(text => text.getBoundingClientRect());
  const found = [];
  for (let i = 0; i < boxes.length; i++)
    for (let j = 0; j < i; j++)
      if (boxes[i].left < boxes[j].right - 2 && boxes[j].left < boxes[i].right - 2
          && boxes[i].top < boxes[j].bottom - 5 && boxes[j].top < boxes[i].bottom - 5)
        found.push(texts[j].textContent + " / " + texts[i].textContent);
  return found;
}
const wide = document.documentElement.scrollWidth - innerWidth;
parent.document.getElementById("seen").textContent = JSON.stringify({ charts: seen, wide });
"""

# A frame of the width wanted: a browser without a window has no narrow ones.
FRAME = """<!doctype html><body><pre id="seen"></pre>
<iframe style="border:0;width:{width}px;height:900px" srcdoc="{page}"></iframe>"""


def look(browser, path, width, charts):
    """Opens the page so many pixels wide. Yields what is wrong."""
    source = path.read_text().replace("</body>", f"<script>{LOOK}</script></body>")
    frame = path.with_name("frame.html")
    escaped = source.replace("&", "&amp;").replace('"', "&quot;")
    frame.write_text(FRAME.format(width=width, page=escaped))
    with tempfile.TemporaryDirectory() as profile:
        dom = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu",
                              "--disable-dev-shm-usage", f"--user-data-dir={profile}",
                              "--window-size=1400,1000", "--virtual-time-budget=5000",
                              "--dump-dom", frame.as_uri()],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             timeout=100).stdout
    told = re.search(r'<pre id="seen">(.*?)</pre>', dom, re.S)
    if not told or not told.group(1):
        yield "the page's script did not run"
        return
    seen = json.loads(html.unescape(told.group(1)))
    if seen["wide"] > 0:
        yield f"the page is {seen['wide']} pixels too wide"
    for name in charts:
        chart = seen["charts"].get(name)
        if chart is None:
            yield f"{name} is missing"
        elif chart["shown"] != ["wide" if width > 864 else "narrow"]:
            yield f"{name}: {chart['shown']} is shown"
        elif chart["marks"] == 0 or chart["marks"] != chart["all"]:
            yield f"{name}: {chart['marks']} of {chart['all']} marks can be seen"
        elif chart["outside"] or chart["overlapping"]:
            yield f"{name}: {chart['outside']} stick out, {chart['overlapping']} overlap"
        elif chart["size"] < 11:
            yield f"{name}: letters of {chart['size']} pixels"
