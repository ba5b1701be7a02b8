#!/usr/bin/env python3
"""Draws the charts of docs/performance.md: usage: plot.py MEASUREMENTS FOLDER

MEASUREMENTS is what `./dev bench --json` printed. Writes performance-{views,values,arrow,rows}.svg into FOLDER: a panel for each data
set, a row for each line, and a dot where its time is on a logarithmic axis. A line that the run does not have is left out. The
colours follow the reader's choice of light or dark.
"""
import json
import math
import pathlib
import sys
from xml.sax.saxutils import escape

AVRO_C = "decode, Apache Avro C"
AVRO_C_JSON = "JSON of the event, Apache Avro C"
OWN_DECODING = {"decode", "decode, one at a time", "decode, UTF-8 checked", "decode, every value read"}


def is_others_decoder(what):
    return what.startswith("decode, ") and what not in OWN_DECODING


# File, title, whether a line belongs to it, and the line that another project's line is compared with.
CHARTS = [
    ("views", "Events to views", lambda w: w in OWN_DECODING - {"decode, every value read"} | {"header only", "projection of 5 fields", AVRO_C},
     lambda w: "decode"),
    ("values", "Every value read", lambda w: w == "decode, every value read" or is_others_decoder(w), lambda w: "decode, every value read"),
    ("arrow", "Events to Arrow arrays of every value", lambda w: w.startswith("to Arrow"), lambda w: w.split(",")[0]),
    ("rows", "Decoded events to JSON and to rows", lambda w: w.startswith(("JSON ", "protobuf row")), lambda w: "JSON body"),
]
NAMES = {AVRO_C: "Apache Avro C (every value)", AVRO_C_JSON: "JSON of the event, Apache Avro C"}

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 } .title { font-size: 16px; font-weight: 600 } .small { fill: #59636e; font-size: 11px }
.paper { fill: #ffffff } .grid { stroke: #d1d9e0 } .guide { stroke: #d1d9e0; stroke-dasharray: 1 3 }
.own { fill: #0969da; stroke: #0969da } .first { fill: #ffffff } .other { fill: #bc4c00; stroke: #bc4c00 } circle { stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .small { fill: #9198a1 } .paper { fill: #0d1117 } .grid, .guide { stroke: #3d444d }
  .own { fill: #4493f8; stroke: #4493f8 } .first { fill: #0d1117 } .other { fill: #f0883e; stroke: #f0883e }
}"""
LEFT, PANEL, GAP, ROW, TOP, COLUMNS = 250, 195, 42, 20, 76, 3


def duration(ns):
    for unit, factor in (("ns", 1), ("µs", 1e3), ("ms", 1e6)):
        if ns < 1000 * factor or unit == "ms":
            return f"{ns / factor:.3g} {unit}"


def is_own(m):
    return m["compiler"].startswith(("g++", "clang++")) and "Apache Avro C" not in m["what"]


def chart(title, lines, counterpart):
    """The text of one SVG, or None where the run has none of its lines."""
    if not any(is_own(m) for m in lines):
        return None
    compilers = list(dict.fromkeys(m["compiler"] for m in lines if is_own(m)))
    data_sets = list(dict.fromkeys(m["data"] for m in lines))
    last = max(len(compilers) - 1, 0)

    def label(m):
        if "Apache Avro C" in m["what"]:
            return NAMES[m["what"]]
        return m["what"] if is_own(m) else f'{m["what"].removeprefix("decode, ").removeprefix("to Arrow ")}, {m["compiler"]}'

    def ratio(m):
        """By the line of the same compiler, which ran beside it; a peer's by that of the last compiler."""
        ours = {o["compiler"]: o["ns_per_event"] for o in lines if is_own(o) and o["data"] == m["data"] and o["what"] == counterpart(m["what"])}
        by = ours.get(m["compiler"], ours.get(compilers[last]))
        if not by:
            return duration(m["ns_per_event"])
        times = m["ns_per_event"] / by
        return f"{times:.{1 if times < 10 else 0}f}×"

    own = list(dict.fromkeys(label(m) for m in lines if is_own(m)))
    others = list(dict.fromkeys(label(m) for m in sorted(lines, key=lambda m: m["ns_per_event"]) if not is_own(m)))
    rows = own + others
    low = math.floor(math.log10(min(m["ns_per_event"] for m in lines)))
    high = math.ceil(math.log10(max(m["ns_per_event"] for m in lines)) + 0.01)
    height = len(rows) * ROW
    panel_rows = -(-len(data_sets) // COLUMNS)
    block = height + 56
    width, total = LEFT + COLUMNS * (PANEL + GAP) - 10, TOP + panel_rows * block + 8
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {total}" width="{width}" height="{total}" role="img">',
           f"<title>{escape(title)}</title><style>{STYLE}</style>",
           f'<rect class="paper" width="{width}" height="{total}"/>', f'<text class="title" x="12" y="26">{escape(title)}</text>']
    marks = [("own" + (" first" if i != last else ""), "sfcdc, " + c) for i, c in enumerate(compilers)]
    if others:
        marks.append(("other", "other projects; ×: times as long as " + " or ".join(dict.fromkeys(
            f'"{counterpart(m["what"])}"' for m in lines if not is_own(m)))))
    x = 18
    for style, text in marks:
        out.append(f'<circle class="{style}" cx="{x}" cy="45" r="4"/><text x="{x + 9}" y="49">{escape(text)}</text>')
        x += 40 + 6.6 * len(text)
    out.append('<text class="small" x="12" y="66">Processor time for an event, median, on a logarithmic axis; only ratios within this chart are meant.</text>')
    for number, data in enumerate(data_sets):
        left = LEFT + number % COLUMNS * (PANEL + GAP)
        top = TOP + number // COLUMNS * block + 22

        def place(ns):
            return left + (math.log10(ns) - low) / (high - low) * PANEL
        out.append(f'<text x="{left}" y="{top - 8}" font-weight="600">{escape(data)}</text>')
        for decade in range(low, high + 1):
            at = place(10 ** decade)
            out.append(f'<line class="grid" x1="{at:.1f}" y1="{top}" x2="{at:.1f}" y2="{top + height}"/>'
                       f'<text class="small" x="{at:.1f}" y="{top + height + 14}" text-anchor="middle">{duration(10 ** decade)}</text>')
        for row, name in enumerate(rows):
            y = top + row * ROW + ROW / 2
            if number % COLUMNS == 0:
                out.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(name)}</text>')
            here = [m for m in lines if m["data"] == data and label(m) == name]
            if not here:
                continue
            out.append(f'<line class="guide" x1="{left}" y1="{y}" x2="{left + PANEL}" y2="{y}"/>')
            # Avro C runs once with each compiler of ours, and is the same library: the last run is drawn.
            shown = here if is_own(here[0]) else here[-1:]
            for m in shown:
                style = ("own" + (" first" if m["compiler"] != compilers[last] else "")) if is_own(m) else "other"
                out.append(f'<circle class="{style}" cx="{place(m["ns_per_event"]):.1f}" cy="{y}" r="4"/>')
            text = duration(shown[-1]["ns_per_event"]) if is_own(shown[-1]) else ratio(shown[-1])
            ends = [place(m["ns_per_event"]) for m in shown]
            at, anchor = (max(ends) + 8, "start") if max(ends) < left + 0.72 * PANEL else (min(ends) - 8, "end")
            out.append(f'<text class="small" x="{at:.1f}" y="{y + 4}" text-anchor="{anchor}">{escape(text)}</text>')
    return "\n".join(out) + "\n</svg>\n"


def draw(measurements, folder):
    """Returns the files that were written."""
    written = []
    for name, title, belongs, counterpart in CHARTS:
        text = chart(title, [m for m in measurements if belongs(m["what"])], counterpart)
        if text:
            written.append(folder / f"performance-{name}.svg")
            written[-1].write_text(text, encoding="utf-8")
    return written


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    for file in draw(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), pathlib.Path(sys.argv[2])):
        print(file)
