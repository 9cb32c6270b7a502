"""Reports printed by headless Chromium, and what then stands where on the paper."""

import json
import os
import re
import shutil
import subprocess
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
IS_THERE = CHROMIUM is not None and shutil.which("pdftotext") is not None
MAY_SKIP = os.environ.get("REQUIRE_GUI", "0") == "0"
PAPERS_MM = {"A4": (210.0, 297.0), "letter": (215.9, 279.4)}
MARGINS_MM = {"left": 11.0, "right": 11.0, "top": 10.0, "bottom": 13.0}
_MM = 25.4 / 72.0
_QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions",
    "--disable-sync", "--disable-domain-reliability", "--metrics-recording-only",
    "--disable-features=OptimizationHints,MediaRouter,Translate", "--host-resolver-rules=MAP * ~NOTFOUND",
    "--enable-logging=stderr", "--v=0",
)  # fmt: skip
_MEASURE = """
<script>
const wide = document.documentElement.getBoundingClientRect().width, out = [];
for (const one of document.querySelectorAll("body *")) {
  const box = one.getBoundingClientRect(), style = getComputedStyle(one);
  if (one.closest(".watermark") || one.closest("details") || one.closest("svg text")) continue;
  const tell = (what, by) => out.push([what, one.tagName, one.textContent.trim().slice(0, 40), by]);
  if (box.right > wide + 0.6 || box.left < -0.6) tell("beyond the page", box.right - wide);
  if (one.scrollWidth > one.clientWidth + 1 && one.clientWidth > 0 && style.display !== "inline")
    tell("wider than its box", one.scrollWidth - one.clientWidth);
  if (["FIGURE", "TR", "SVG"].includes(one.tagName.toUpperCase()) && box.height > TALL)
    tell("taller than a page", box.height);
}
document.title = JSON.stringify(out.map(row => row.map(String)));
</script>
"""


@dataclass(frozen=True)
class Word:
    """A word on paper, mm from the page's left upper corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Printed:
    """A printed report."""

    html: str
    pdf: Path
    said: str
    asked: tuple[str, ...]

    @cached_property
    def pages(self) -> list[list[Word]]:
        """The words of each page."""
        command = ["pdftotext", "-bbox", str(self.pdf), "-"]
        boxes = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
        root = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", boxes))
        name = "{http://www.w3.org/1999/xhtml}"
        return [
            [
                Word(one.text or "", *(float(one.attrib[key]) * _MM for key in ("xMin", "yMin", "xMax", "yMax")))
                for one in page.iter(f"{name}word")
            ]
            for page in root.iter(f"{name}page")
        ]

    def text(self, page: int) -> str:
        """A page's words, from 1, with single blanks; the watermark, which lies across, left out."""
        return " ".join(word.text for word in self.pages[page - 1] if word.bottom - word.top < 30.0)

    def head(self, page: int) -> str:
        """The words at the top of a page."""
        return " ".join(word.text for word in self.pages[page - 1] if word.bottom < 22.0)

    @property
    def squeezed(self) -> str:
        """All that is printed, without blanks."""
        command = ["pdftotext", "-raw", str(self.pdf), "-"]
        return _squeezed(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)


class _Shown(HTMLParser):
    """Gathers the words that are to be seen on paper."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        self.open.pop()

    def handle_data(self, data):
        if not {"style", "title", "pre"} & set(self.open):
            self.words += data.split()


def print_report(html: str, folder: Path, paper: str) -> Printed:
    """Print a report onto a paper."""
    page, pdf, log = folder / f"{paper}.html", folder / f"{paper}.pdf", folder / f"{paper}.net.json"
    page.write_text(html.replace("</style>", f"@page {{ size: {paper}; }}</style>", 1), encoding="utf-8")
    done = _chromium(folder, f"--log-net-log={log}", "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    assert pdf.exists(), done.stderr
    return Printed(html, pdf, done.stderr, asked_for(log))


def layout_faults(html: str, folder: Path, paper: str) -> list[list[str]]:
    """Say which elements are wider or taller than their room, as a script in the page measures it, in print's style."""
    wide = PAPERS_MM[paper][0] - MARGINS_MM["left"] - MARGINS_MM["right"]
    tall = PAPERS_MM[paper][1] - MARGINS_MM["top"] - MARGINS_MM["bottom"]
    copy = html.replace("@media print", "@media all").replace("@media screen", "@media not all")
    copy = re.sub(r"<meta http-equiv[^>]*>", "", copy)
    copy = copy.replace("</style>", f"html {{ width: {wide}mm; }}</style>", 1)
    copy = copy.replace("</body>", _MEASURE.replace("TALL", str(tall / 25.4 * 96.0)) + "</body>")
    page = folder / f"{paper}-measured.html"
    page.write_text(copy, encoding="utf-8")
    dom = _chromium(folder, "--window-size=1000,1400", "--dump-dom", page.as_uri()).stdout
    (title,) = re.findall(r"<title>(.*?)</title>", dom, re.DOTALL)[:1]
    return json.loads(title.replace("&quot;", '"').replace("&amp;", "&"))


def outside(printed: Printed, paper: str) -> list[tuple[int, Word]]:
    """Give the words that lie outside of the page's margins; the footer's lie in the lower one."""
    wide, tall = PAPERS_MM[paper]
    slack = 0.8
    return [
        (number, word)
        for number, page in enumerate(printed.pages, start=1)
        for word in page
        if word.left < MARGINS_MM["left"] - slack or word.right > wide - MARGINS_MM["right"] + slack
        or word.top < MARGINS_MM["top"] - slack or word.bottom > tall - 2.0
    ]  # fmt: skip


def lost_words(printed: Printed) -> dict[str, int]:
    """Say which words of the page are on paper less often than they should be."""
    wanted = Counter(_squeezed(word) for word in _Shown(printed.html).words)
    paper = printed.squeezed
    return {word: count - paper.count(word) for word, count in wanted.items() if word and paper.count(word) < count}


def asked_for(log: Path) -> tuple[str, ...]:
    """Give the addresses that a page asked for, by Chromium's own log of the network."""
    entries = json.loads(log.read_text(encoding="utf-8"))
    start = entries["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    told = (event.get("params", {}) for event in entries["events"] if event["type"] == start)
    # what the browser asks on its own account belongs to no file
    own = (one["url"] for one in told if one.get("network_isolation_key", "").startswith("file:"))
    return tuple(dict.fromkeys(url for url in own if not url.startswith(("file:", "data:"))))


def _chromium(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [CHROMIUM or "chromium", *_QUIET, f"--user-data-dir={folder / 'profile'}", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text))
