#!/usr/bin/env python3
"""Events to a pyarrow table, by sfcdc's Python package and by what people do today: fastavro for each payload, and pyarrow.Table.from_pylist of the
dictionaries. Both read every value. Before anything is timed, the values of 500 events are compared: of the header, and of all fields of texts, numbers and
booleans that are columns of their own.

usage: python_race.py --data FOLDER [--rounds N] [--rows N] [--json]

FOLDER has the data of `./dev bench`. Run by `./dev bench --python`, with a Python that has sfcdc, fastavro and pyarrow. Times are processor time of the thread."""
import argparse
import io
import json
import pathlib
import statistics
import struct
import sys
import time

import fastavro
import pyarrow
import sfcdc

def payloads_of(file):
    data, at = file.read_bytes(), 0
    while at < len(data):
        (size,) = struct.unpack_from("<I", data, at)
        yield data[at + 4:at + 4 + size]
        at += 4 + size


class Fastavro:
    name = "fastavro + pyarrow.Table.from_pylist"

    def __init__(self, text):
        self.schema = fastavro.parse_schema(json.loads(text))

    def records(self, payloads):
        read, schema = fastavro.schemaless_reader, self.schema
        return [read(io.BytesIO(p), schema) for p in payloads]

    def table(self, payloads):
        return pyarrow.Table.from_pylist(self.records(payloads))


class Sfcdc:
    name = "sfcdc.Decoder"

    def __init__(self, text):
        self.decoder = sfcdc.Decoder(sfcdc.Schema(text))

    def table(self, payloads):
        return pyarrow.table(self.decoder.decode(payloads))


def compare(text, payloads):
    """The values that fastavro has read are in the rows of their records. Returns how many values were compared."""
    rows = iter(Sfcdc(text).table(payloads).to_pylist())
    compared = 0
    for record in Fastavro(text).records(payloads):
        header = record["ChangeEventHeader"]
        for record_id in header["recordIds"]:
            row = next(rows)
            pairs = [(row["_sf_commit_number"], header["commitNumber"]), (row["_sf_change_type"], header["changeType"]),
                     (row["_sf_transaction_key"], header["transactionKey"]), (row["Id"], record_id)]
            for field, value in record.items():
                if field in row and (isinstance(value, (str, bool, float)) or isinstance(value, int) and isinstance(row[field], int)):
                    pairs.append((row[field], value))
            for ours, theirs in pairs:
                if ours != theirs and not (isinstance(ours, str) and isinstance(theirs, str) and set(theirs[:15]) == {"0"}):
                    sys.exit(f"python_race: {ours!r} is not {theirs!r}, which fastavro has read")
            compared += len(pairs)
    if next(rows, None) is not None:
        sys.exit("python_race: there are more rows than records")
    return compared


def time_of(contender, payloads, rows):
    begin = time.thread_time_ns()
    for first in range(0, len(payloads), rows):
        contender.table(payloads[first:first + rows])
    return (time.thread_time_ns() - begin) / len(payloads)


def main():
    arguments = argparse.ArgumentParser(prog="./dev bench --python")
    arguments.add_argument("--data", type=pathlib.Path, required=True, dest="folder", metavar="FOLDER")
    arguments.add_argument("--rounds", type=int, default=5, help="numbers are medians of so many")
    arguments.add_argument("--rows", type=int, default=4000, help="payloads of one call")
    arguments.add_argument("--json", action="store_true")
    given = arguments.parse_args()
    out = []
    for file in sorted(given.folder.glob("*.bin")):
        text = (given.folder / f"schema_{file.stem.split('_')[0]}.json").read_text(encoding="utf-8")
        payloads = list(payloads_of(file))
        values = compare(text, payloads[:500])
        contenders = [Sfcdc(text), Fastavro(text)]
        times = {c.name: [] for c in contenders}
        for _ in range(given.rounds):
            for c in contenders:
                time_of(c, payloads[:given.rows], given.rows)  # does not count
                times[c.name].append(time_of(c, payloads, given.rows))
        ours, theirs = (statistics.median(times[c.name]) for c in contenders)
        out.append({"data": file.stem, "values_compared": values, "sfcdc_ns_per_event": round(ours, 1), "fastavro_ns_per_event": round(theirs, 1), "ratio": round(theirs / ours, 1)})
        if not given.json:
            print("{data:<14} {sfcdc_ns_per_event:>10,.0f} ns  {fastavro_ns_per_event:>12,.0f} ns  {ratio:>7.1f} times  ({values_compared} values compared)".format(**out[-1]), flush=True)
    if given.json:
        print(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
