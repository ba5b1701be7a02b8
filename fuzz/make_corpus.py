"""Writes the first inputs of each target from the golden schemas and events.

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


def avro(value):
    """An int as zig-zag, a text with its length, a list as one block."""
    if isinstance(value, int):
        value = value << 1 ^ value >> 63
        out = b""
        while value > 127:
            out, value = out + bytes([value & 127 | 128]), value >> 7
        return out + bytes([value])
    if isinstance(value, str):
        return avro(len(value)) + value.encode()
    return (avro(len(value)) if value else b"") + b"".join(map(avro, value)) + b"\0"


# Events whose lists name children, of a compound that may be a text instead, and a header with one more member.
texts = {"type": "array", "items": "string"}
members = {"entityName": "string", "recordIds": texts, "changeType": {"type": "enum", "name": "ChangeType", "symbols": ["CREATE", "UPDATE"]}, "changeOrigin": "string",
    "transactionKey": "string", "sequenceNumber": "int", "commitTimestamp": "long", "commitNumber": "long", "commitUser": "string", "nulledFields": texts, "diffFields": texts, "changedFields": texts}


def change_schema(more=()):
    name = {"type": "record", "name": "N", "fields": [{"name": "First", "type": ["null", "string"]}, {"name": "Last", "type": ["null", "string"]}]}
    header = {"type": "record", "name": "ChangeEventHeader", "fields": [{"name": n, "type": t} for n, t in (*members.items(), *more)]}
    fields = {"ChangeEventHeader": header, "Name": ["null", "string", name], "Place": ["null", {**name, "name": "P"}], "Phone": ["null", "string"], "Amount": ["null", "double"]}
    return json.dumps({"type": "record", "name": "E", "fields": [{"name": n, "type": t} for n, t in fields.items()]}).encode()


def change(body, changed, nulled=(), more=b""):
    values = ("Account", ["001xx0000000001AAA"], 1, "com/example", "0" * 36, 1, 1700000000000, 1709303151782928388, "005xx0000000001AAA", list(nulled), [], list(changed))
    return b"".join(map(avro, values)) + more + body


first, last, is_text, is_name = avro("f" * 200), avro("l"), b"\x02" + avro("text"), b"\x04"
changes = [(change_schema(), change(body, lists, nulled)) for body, lists, nulled in (
    (is_text + bytes(3), ["1-0x02"], []), (is_text + bytes(3), ["1-0x03", "0x02"], []), (is_name + b"\x02" + first + b"\x02" + last + bytes(3), ["1-0x03"], []),
    (b"\x00\x02\x02" + last + b"\x00\x02" + last + b"\x00", ["0x08", "2-0x01"], []), (b"\x00\x02\x00\x00\x00\x02" + bytes(8), ["0x10", "2-0x03"], ["2-0x03"]),
    (bytes(4), ["2-0x03"], ["2-0x03", "1-0x01"]), (bytes(4), ["0x04"], ["2-0x02", "1-0x03"]))]
changes.append((change_schema([("later", "string")]), change(bytes(2) + b"\x02" + last + b"\x00", ["0x08"], more=avro("new"))))
pairs = [(schemas[e["schema_file"]], base64.b64decode(e["payload"])) for e in events]
put("avro_schema", *schemas.values(), *(s for s, _ in small), b'{"type":"record","name":"a.B","fields":[{"name":"x","type":"B"}]}', b'"\\u00e9"', b"[[[")
for target in ("avro_datum", "row_roundtrip"):
    put(target, *(s + b"\x00\xff" + p for s, p in small + changes + pairs[:12]))
# Rows of typed tables: options, digits of decimals, then an event of the schemas in fuzz/typed_rows.hpp, or a schema and its event.
def typed_change(body, change=1, changed=(), nulled=(), diff=(), ids=("a01xx0000000001AAA",)):
    values = ("Thing", list(ids), change, "com/example", "key", 1, 1700000000000, 1709303151782928388, "", list(nulled), list(diff), list(changed))
    return b"".join(map(avro, values)) + body


real, note_text, some = b"\x02" + b"\x00\x00\x00\x00\x00\x00\x29\xc0", b"\x02\x10M\xc3\xbcnchen", b"\x02" + avro(1700000000000)
address = b"\x02" + note_text + real + note_text
day, clock, tags, office, pick, half = b"\x02" + avro(-86400001), b"\x02" + avro(30600000), b"\x02" + avro("a;;b"), b"\x02" + note_text * 2, b"\x02\x02", b"\x02" + bytes(4)
mapped = b"\x02\x02" + avro("k") + bytes(4) + b"\x00"
full = [note_text + address + real + b"\x02" + avro(-7) + b"\x02\x01" + some + day + clock + tags + office + b"\x02" + avro("\x00by") + pick + mapped + half,
    note_text + address + some + b"\x02\x01" + some + note_text + clock + tags + office + pick + mapped + half + note_text]
person = b"\x04" + note_text * 2
empty = [bytes(14), bytes(13)]
typed = [(s, typed_change(body, change, changed, nulled, diff, ids)) for s in (0, 1) for body, change, changed, nulled, diff, ids in (
    (full[s], 0, [], [], [], ["a01xx0000000001AAA"]), (full[s], 1, [("0x7FFE", "0x3FFE")[s]], [], [], ["a01xx0000000001AAA", "a01xx0000000002AAA"]), (empty[s], 1, ["0x14"], ["0x08", "2-0x01"], [], ["001*"]),
    (person + empty[s][1:], 1, ["1-0x03"], [], [], ["a"]), (full[s], 1, ["0x0E"], [], ["0x02"], ["a"]), (empty[s], 8, [], [], [], []), (empty[s], 2, [], [], [], ["a"]),
    (b"\x02\x06\xff\xc3(" + empty[s][1:], 3, [], [], [], ["a"]))]
put("typed_row", *(bytes([s | options, digits]) + event for s, event in typed for options, digits in ((0, 0), (12, 37 + 2 * 38))), *(bytes([options, 8]) + s + b"\x00\xff" + p for options in (2, 14) for s, p in small + changes + pairs[:12]))


def added(op, which):
    schema, event = typed[which]
    return bytes([op | schema]) + len(event).to_bytes(2, "little") + event


put("arrow_batch", *(bytes([options]) + b"".join(added(op, which) for which, op in enumerate(ops)) for options in (0, 13, 26, 255) for ops in ((0,) * 16, (2, 0, 4) * 5, (0xE0, 0xC0, 2, 0xA0, 0xE4, 0, 0xC2, 0, 0xE0), (4,))),
    bytes([9]) + b"".join(added(op, n * 7 % 16) for n, op in enumerate((0, 0, 2, 0x60, 0, 4, 0xE0, 0, 0))))
put("cdc_bitmap", *(bytes(pair) + text for pair in ((0, 80), (64, 13)) for text in (
    b"650004E0", b"0x650004E0", b"1-0x03", b"", b"0x", b"00000000000000000000000000000001", b"0400800000000000000000", b"fFaA09zz", b"0-0x1", b"99999999999-0x1")))
# Hunks as they are (0), texts cut at any break (1) or at LF (2) whose bytes choose the lines.
note = [b"line %d of a note" % i for i in range(1, 6)]
hunks = (b"@@ -2,1 +2,1 @@\n-line 2 of a note\n+two", b"@@ -0,0 +1,1 @@\n+zero\n@@ -4,2 +5,1 @@\n line 4 of a note\n-line 5 of a note\n", b"@@ -6,0 +6,1 @@\n+six\n\\ No newline at end of file\n")
put("cdc_diff", *(b"\x00%c" % which + end.join(note) + last + b"\x00\xff" + h.replace(b"\n", inside)
    for which, (end, last, h, inside) in enumerate((end, last, h, inside) for end in (b"\n", b"\r\n", b"\r") for last in (b"", end) for h in hunks for inside in (b"\n", end))))
put("cdc_diff", b"\x00\x00a\rb\r\nc\x00\xff@@ -1,1 +1,1 @@\n-a\rb\n+a\rB\n", b"\x00\x05\x00\xff@@ -1,1 +1,2 @@\n-\n+a\n+b", b"\x00\x01a\nb\n\x00\xff@@ -18446744073709551616,0 +1,1 @@\n+x",
    *(bytes([mode, 0, *(n * seed % 251 for n in range(1, 90))]) for mode in (1, 2) for seed in (7, 11, 23, 77, 113, 200)))
put("protobuf_wire", b"\x00", b"\x7f\x80\x01", b"\xff" * 9 + b"\x01", b"\xff" * 10, b"\x80" * 9 + b"\x00", b"\x96\x01\xac\x02",
    b"\x08\x96\x01\x12\x02hi\x1d" + bytes(4) + b"\x21" + bytes(8), b"\x08\x01\x08\x02\x12\x00\xfa\x01\x01x", b"\x12\x05hi", b"\x0b\x0c", b"\x00\x01")
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

# What the runner reads of others: configurations, and the answers of the two token endpoints.
sf = b'[salesforce]\nlogin_url = "https://acme.my.salesforce.com"\nclient_id = "a"\nclient_secret = "b"\n'
db = b'[databricks]\nworkspace_url = "https://w.example"\nzerobus_endpoint = "1.zerobus.example:443"\nclient_id = "a"\nclient_secret = "b"\n'
stream = b'[[pipeline]]\ntopic = "/data/ChangeEvents"\nsink = "%s"\n%s\n'
put("config", b"""memory_limit = "64 MiB"
[salesforce.emea]
login_url = "https://acme.my.salesforce.com"
client_id = "a"
client_secret = "${file:/etc/hostname}"
[databricks.west]
workspace_url = "https://w"
zerobus_endpoint = "z"
client_id = "a"
client_secret = "b"
[[pipeline]]
topic = "Invoice__c"
salesforce = "emea"
databricks = "west"
sink = "zerobus"
table = "a.b.x_{entity}"
checkpoint = "p"
entities = ["Invoice__c"]
exclude_entities = ["Account"]
skip_if_only = ["LastModifiedDate"]
on_failure = "stop"
[[pipeline]]
topic = "/data/ChangeEvents"
managed_subscription = "Rows"
sink = "ndjson"
path = "x"
dead_letters = "y"
""")
put("config", sf + stream % (b"sqlite", b'path = "rows.db"\ncolumns = ["replay_id"]\nrename = { replay_id = "id" }'),
    sf + db + stream % (b"zerobus", b'table = "a.b.c"\ncheckpoint = "x"\nstart = "latest"\nlayout = "lakeflow"'),
    sf + stream % (b"ndjson", b'path = "-"\ncheckpoint = "x"\nsilence_limit = 5') * 2,
    sf + stream % (b"ndjson", b'path = "./x"\ncheckpoint = "x"\ndead_letters = "${HOME}/${file:/etc/hostname}"'),
    b"[salesforce]\nlogin_url = \"https://u:p@h\"\n[[pipeline]]\ntopic = 5\n", b"x = [[[[[{a.b.c = 1}]]]]]", b"a" + b".a" * 99 + b" = 1", b"[[pipeline]\n", b"\xff\xfe", b"")
def soap(body):
    return b'<e:Envelope xmlns:e="x"><e:Body>' + body + b"</e:Body></e:Envelope>"
soap_session = b"<loginResponse><result><serverUrl>%s</serverUrl><sessionId>%s</sessionId><userInfo><organizationId>%s</organizationId></userInfo></result></loginResponse>"
soap_answers = [
    soap(soap_session % (b"https://acme.my.salesforce.com/services/Soap/u/64.0/00D", b"00D!s", b"00D000000000001EAA")),
    soap(soap_session % (b"https://acme.my.salesforce.com.evil.example/x", b"a&#10;b", b"00D&#10;00000000001EAA")),
    soap(b"<e:Fault><faultcode>sf:INVALID_LOGIN</faultcode><faultstring>INVALID_LOGIN: a &lt; b</faultstring></e:Fault>"),
    soap(b"<e:Fault><faultcode>sf:\xe2\x80\xa8</faultcode></e:Fault>"), b"<!DOCTYPE b [<!ENTITY a 'aa'>]>" + soap(b"&a;"), b"<a>" * 500]
answer = b'{"access_token":"00D!t","instance_url":"%s","id":"https://login.salesforce.com/id/00D000000000001EAA/005","expires_in":%s}'
put("login_answers", answer % (b"https://acme.my.salesforce.com", b"3600"), answer % (b"https://acme.my.salesforce.com.evil.example", b'"60"'),
    answer % (b"http://127.0.0.1:1", b"-1"), answer % (b"https://u@acme.my.salesforce.com/x?y", b"18446744073709551615"),
    b'{"organization_id":"00D000000000001EAA"}', b'{"error":"invalid_grant","error_description":"a=b\\n\xe2\x80\xa8"}', b"[[[", b"<html>", b"",
    *soap_answers)
letter = b'{"received_timestamp":5,"topic_name":"/data/ChangeEvents","replay_id":"0102","event_id":"e","schema_id":"s","reason":"bad byte",%s}\n'
put("letters", b'{"schema_id":"s","schema_json":"{}"}\n' + letter % b'"offset":3,"payload":"AA=="' + b'{"retried":{"topic_name":"/data/ChangeEvents","replay_id":"0102","event_id":"e"},"retried_timestamp":7}\n',
    letter % b'"table":"a.b.c","column":"x","row_number":1,"row":"CAE=","columns":{"x":1,"y":["a"]},"hides":["deny *.x"]' * 2,
    letter % b'"row_number":-1,"row":5,"columns":{"x":[[[]]]}' + b"no JSON\n[]\n{", letter % b'"row_number":18446744073709551615' + b"\n\n", b"[" * 3000, b"")
