"""Writes the first inputs of each target from the golden schemas and events. Inputs that fuzzing found lie beside them.

usage: make_corpus.py            (from anywhere)
"""
import base64
import hashlib
import json
import pathlib

here = pathlib.Path(__file__).parent
golden = here.parent / "tests" / "golden"
schemas = {p.name: p.read_bytes() for p in sorted((golden / "schemas").glob("*.avsc"))}
events = json.loads((golden / "events.json").read_text(encoding="utf-8"))


def put(target, *inputs):
    folder = here / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        (folder / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)


def record(*fields):
    return json.dumps({"type": "record", "name": "R", "fields": [{"name": f"f{i}", "type": t} for i, t in enumerate(fields)]}).encode()


small = [
    (record("int", "string", ["null", "double"]), b"\x02\x04hi\x02" + bytes(8)),
    (record({"type": "array", "items": "long"}, {"type": "map", "values": "string"}), b"\x03\x04\x02\x04\x00\x02\x02k\x02v\x00"),
    (record(["null", "boolean"], ["null", "string", {"type": "record", "name": "N", "fields": [{"name": "x", "type": "float"}]}]), b"\x02\x01\x04" + bytes(4)),
    (record({"type": "enum", "name": "E", "symbols": ["A", "B"]}, {"type": "fixed", "name": "F", "size": 3}, "bytes"), b"\x02abc\x04xy"),
    (record(["null", {"type": "record", "name": "L", "fields": [{"name": "next", "type": ["null", "L"]}]}]), b"\x02\x02\x02\x00"),
]
pairs = [(schemas[e["schema_file"]], base64.b64decode(e["payload"])) for e in events]
put("avro_schema", *schemas.values(), *(s for s, _ in small), b'{"type":"record","name":"a.B","fields":[{"name":"x","type":"B"}]}', b'"\\u00e9"', b"[[[")
for target in ("avro_datum", "row_roundtrip"):
    put(target, *(s + b"\x00\xff" + p for s, p in small + pairs[:12]))
put("cdc_bitmap", *(bytes(pair) + text for pair in ((0, 80), (64, 13)) for text in (
    b"650004E0", b"0x650004E0", b"1-0x03", b"", b"0x", b"00000000000000000000000000000001", b"0400800000000000000000", b"fFaA09zz", b"0-0x1", b"99999999999-0x1")))
put("protobuf_wire", b"\x00", b"\x7f\x80\x01", b"\xff" * 9 + b"\x01", b"\xff" * 10, b"\x80" * 9 + b"\x00", b"\x96\x01\xac\x02")
put("replay_id", b"00000000001790500000", b"AAAAAAF5BQAAAA==", b"-1", b"zz", b"", b"A", b"AA=", b"AB==")
put("zerobus_response", b"\x0a\x04\x0a\x02id", b"\x0a\x00", b"\x12\x02\x08\x00", b"\x12\x00", b"\x12\x0b\x08" + b"\xff" * 9 + b"\x01", b"\x12\x01\x08",
    b"\x1a\x06\x0a\x04\x08\x02\x10\x07", b"\x1a\x00", b"\x1a\x02\x0a\x00", b"\x1a\x04\x0a\x02\x0b\x01", b"\x22\x01x", b"", b"\x12\x02\x08\x01\x12\x00", b"\x1a\x08\x0a\x02\x08\x01\x0a\x02\x10\x01")

# Operations by their number in world::operate(), each with the bytes that it takes.
poll, add, opened, store, acked, rotated = b"\x04", b"\x00\x05" + b"\x01" * 5, b"\x06\x01\x00\x01", b"\x07\x01\x00\x02", b"\x08\x01\x00", b"\x0b\x01\x00\x02\x01"
put("ingest_ops",
    b"\x00" + poll + opened + add + poll + store + acked,
    b"\x01" + poll + opened + add + add + poll + store + acked + rotated + poll + opened + store + acked + poll,
    b"\x00" + poll + opened + b"\x00\x06\x01\x01\x00\x01\x01\x00" + poll + store * 3,
    b"\x00" + poll + opened + add + poll + b"\x0a\x01\x00\x0e\x02\x64" + poll + opened + poll + b"\x09\x01\x00\x00" + poll,
    b"\x00" + poll + b"\x0a\x01\x00\x10" + poll + b"\x0c" + b"\x02\xff" + poll)
