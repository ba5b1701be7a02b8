#!/usr/bin/env python3
"""The charts of bench/plot.py: they are XML, have a dot for each measurement where its time is, say how many times as long another
project takes, and leave out what a run does not have.

usage: plot.py SOURCE_ROOT
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

SVG = "{http://www.w3.org/2000/svg}"
script = pathlib.Path(sys.argv[1]) / "bench" / "plot.py"


def measured(what, data, compiler, ns):
    return {"what": what, "data": data, "compiler": compiler, "ns_per_event": ns, "gb_per_second": 1, "ratio_to_avro_c": None}


def draw(measurements):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "run.json"
        source.write_text(json.dumps(measurements))
        subprocess.run([sys.executable, script, source, folder], check=True, stdout=subprocess.DEVNULL)
        return {f.name: xml.parse(f).getroot() for f in pathlib.Path(folder).glob("*.svg")}


def texts(chart):
    return [t.text for t in chart.iter(SVG + "text")]


run = [m for data in ("one", "two") for m in (
    measured("decode", data, "g++ 12", 200.0), measured("decode", data, "clang++ 19", 100.0),
    measured("decode, every value read", data, "g++ 12", 400.0), measured("decode, every value read", data, "clang++ 19", 300.0),
    measured("decode, Apache Avro C", data, "g++ 12", 4000.0), measured("decode, Apache Avro C", data, "clang++ 19", 3000.0),
    measured("decode, a <peer> & more", data, "its & runtime", 36000.0),
    measured("header only", data, "clang++ 19", 10.0))]
charts = draw(run)
# Neither Arrow nor rows were measured.
assert sorted(charts) == ["performance-values.svg", "performance-views.svg"], sorted(charts)

values = charts["performance-values.svg"]
assert "a <peer> & more, its & runtime" in texts(values), texts(values)
# 3000 beside 300 of the same compiler, 36000 beside 300 of the last one, in both panels.
assert texts(values).count("10×") == 2 and texts(values).count("120×") == 2, texts(values)
assert texts(values).count("300 ns") == 2
# Three of the legend, and for each data set two of sfcdc, one of Avro C and one of the peer.
assert len(list(values.iter(SVG + "circle"))) == 3 + 2 * 4

# Ten times as long is one decade to the right, whatever the numbers.
views = charts["performance-views.svg"]
assert not any("peer" in t for t in texts(views)), texts(views)
dots = [c for c in views.iter(SVG + "circle")][3:]
x = [float(c.get("cx")) for c in dots[:5]]  # decode by both compilers, header only, Avro C
lines = sorted({float(line.get("x1")) for line in views.iter(SVG + "line") if line.get("class") == "grid"})
decade = lines[1] - lines[0]
assert abs((x[1] - x[2]) - decade) < 0.3, (x, lines)
assert 0 < x[0] - x[1] < decade and x[3] > x[0], x

style = next(values.iter(SVG + "style")).text
assert "prefers-color-scheme: dark" in style
# A run without sfcdc has nothing to show.
assert draw([m for m in run if "peer" in m["what"]]) == {}
