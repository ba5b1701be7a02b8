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

def varint(n):
    n &= 2**64 - 1
    return bytes([n]) if n < 128 else bytes([n % 128 + 128]) + varint(n >> 7)


def field(number, value):
    return varint(number * 8) + varint(value) if isinstance(value, int) else varint(number * 8 + 2) + varint(len(value)) + value


def message(*fields):
    return b"".join(field(number, value) for number, value in fields)


header = message((1, b"k"), (2, b"v"))
delivered = [message((1, message((1, e["id"].encode() if "id" in e else b""), (2, b"schema"), (3, base64.b64decode(e["payload"])), (4, header))), (2, bytes(8) + bytes([n, 0]))) for n, e in enumerate(events[:3])]
commit = message((1, b"c"), (2, b"\x01"), (3, message((1, 2), (2, b"too old"))), (4, 1700000000000))
put("pubsub_response", message(*((1, e) for e in delivered), (2, b"newest"), (3, b"rpc"), (4, 97)), message((2, b"\x01\x02"), (4, 100)), message((4, -1), (5, commit)), message((1, delivered[0]), (1, b""), (99, b"?"), (5, commit), (5, commit)),
    message((1, b"/data/ChangeEvents"), (2, b"00D"), (3, 1), (4, 1), (5, b""), (6, b"r")), message((1, b"{}"), (2, b"sid"), (3, b"r")), b"\x0a\x05\x0a\x03\x0a\x02x", b"")

# Operations of subscription_ops: the options, then what happens.
run, is_open, tick = b"\x00", b"\x01", b"\x0e"
begin = run + is_open + run


def respond(count, pending=70, n=1):
    return bytes([3, count, pending, n])


put("subscription_ops", *(options + ops for options in (b"\x10\x63\x00", b"\x08\x63\xff", b"\x11\x09\x40") for ops in (
    begin + respond(5) + run + b"\x0a\x05" + run + respond(0) + tick,
    begin + respond(100) + run + tick + tick + b"\x0a\x32" + run + is_open + run,
    begin + b"\x05\x01\x10" + tick + b"\x07" + begin + b"\x06\x0e" + tick + begin,
    begin + b"\x05\x0f\x03" + run + b"\x0c\x01\x00" + begin + respond(101) + tick,
    begin + b"\x05\x01\x10" + tick + b"\x08" + tick + b"\x09" + tick + b"\x07" + begin,
    begin + b"\x0b\x05hello" + run + respond(3, 70, 4) + b"\x06\x0e" + tick + is_open + run,
    begin + b"\x02\x03\x0a\x05\x0a" + tick + begin + tick + tick + b"\x83\x01\x05\x46\x01" + b"\x0f\xff" + run)))
