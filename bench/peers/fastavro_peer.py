"""fastavro: schemaless_reader with a schema that is parsed once. Usage: fastavro_peer.py DATA_FOLDER"""
import io
import json
import pathlib
import platform
import statistics
import struct
import sys
import time

import fastavro


def events_of(file):
    raw, at = file.read_bytes(), 0
    while at < len(raw):
        (length,) = struct.unpack_from("<I", raw, at)
        yield raw[at + 4:at + 4 + length]
        at += 4 + length


def one_pass(events, schema):
    start = time.thread_time_ns()
    for payload in events:
        fastavro.schemaless_reader(io.BytesIO(payload), schema, None)
    return time.thread_time_ns() - start


out = []
folder = pathlib.Path(sys.argv[1])
for file in sorted(folder.glob("*_*.bin")):
    schema = fastavro.parse_schema(json.loads((folder / f"schema_{file.stem.split('_')[0]}.json").read_text()))
    events = list(events_of(file))
    for payload in events:
        stream = io.BytesIO(payload)
        header = fastavro.schemaless_reader(stream, schema, None)["ChangeEventHeader"]
        assert stream.tell() == len(payload) and header["transactionKey"], "wrong answer"
    ns = statistics.median(one_pass(events, schema) for _ in range(7))
    out.append({"what": f"decode, fastavro {fastavro.__version__}", "data": file.stem,
                "compiler": f"{platform.python_implementation()} {platform.python_version()}",
                "ns_per_event": ns / len(events), "gb_per_second": sum(map(len, events)) / ns, "ratio_to_avro_c": None})
print(json.dumps(out))
