"""The Python package: what it decodes is what the golden events say, in every reader; and nothing that a caller does wrong brings the process down."""
import base64
import concurrent.futures
import ctypes
import gc
import json
import pathlib
import random
import threading

import duckdb
import polars
import pyarrow
import pytest
import sfcdc

GOLDEN = pathlib.Path(__file__).parents[1] / "golden"
EVENTS = [e | {"bytes": base64.b64decode(e["payload"] + "==")} for e in json.loads((GOLDEN / "events.json").read_text(encoding="utf-8"))]
TEXTS = {file.name: file.read_text(encoding="utf-8") for file in (GOLDEN / "schemas").iterdir()}
SCHEMAS = {name: sfcdc.Schema(text) for name, text in TEXTS.items()}
ACCOUNT = "AccountChangeEvent.2026.avsc"
SNAKE = {"entityName": "entity_name", "recordIds": "record_ids", "changeType": "change_type", "changeOrigin": "change_origin", "transactionKey": "transaction_key",
         "sequenceNumber": "sequence_number", "commitTimestamp": "commit_timestamp", "commitNumber": "commit_number", "commitUser": "commit_user",
         "nulledFields": "nulled_fields", "diffFields": "diff_fields", "changedFields": "changed_fields"}


def of(name):
    return [e for e in EVENTS if e["schema_file"] == name]


def rows(batches):
    return pyarrow.table(batches).to_pylist()


def test_schemas_know_themselves():
    for event in EVENTS:
        schema = SCHEMAS[event["schema_file"]]
        assert schema.id == event["schema_id"] == sfcdc.schema_id(schema.json)
        assert schema.is_change_event == (not schema.name.endswith("__e"))
    account = SCHEMAS[ACCOUNT]
    assert (account.name, account.entity) == ("com.sforce.eventbus.AccountChangeEvent", "Account")
    assert SCHEMAS["Shipment__ChangeEvent.avsc"].entity == "Shipment__c"
    assert [name for name, _, _ in account.fields] == [f["name"] for f in json.loads(TEXTS[ACCOUNT])["fields"]]
    for wrong in ("", "{", "[]", '"string"', '{"type":"record"}'):
        with pytest.raises(ValueError, match="byte"):
            sfcdc.Schema(wrong)


def test_single_events_are_the_golden_ones():
    for event in EVENTS:
        schema, expect = SCHEMAS[event["schema_file"]], event["expect"]
        if schema.is_change_event:
            wanted = {SNAKE[k]: v for k, v in expect["header"].items()}
            assert schema.header(event["bytes"]) == wanted, event["what"]
            # Without a schema a symbol that came later has no name.
            assert {k: v for k, v in sfcdc.header(event["bytes"]).items() if k != "change_type"} == {k: v for k, v in wanted.items() if k != "change_type"}
            lists = schema.field_lists(event["bytes"])
            assert (lists["changed_fields"], lists["nulled_fields"], lists["diff_fields"]) == (expect["changed"], expect["nulled"], expect["diff"]), event["what"]
        body = json.loads(schema.to_json(event["bytes"]))
        for name, value in expect["body"].items():
            assert name in json.dumps(body), (event["what"], name, value)


def test_typed_rows_have_the_golden_values():
    """Each value of the body is in the column that its field has; compounds by their parts."""
    schema = SCHEMAS[ACCOUNT]
    seen = 0
    for event in of(ACCOUNT):
        made = rows(sfcdc.Decoder(schema).decode([event["bytes"]], replay_ids=[b"\x00\x01\xff"], topic="/data/ChangeEvents"))
        assert len(made) == max(len(event["expect"]["header"]["recordIds"]), 1)
        for row, record in zip(made, event["expect"]["header"]["recordIds"]):
            assert row["Id"] == (None if set(record[:15]) == {"0"} else record)  # a wildcard is no record
            assert row["_sf_replay_id"] == "0001ff"
            assert row["_sf_schema_id"] == schema.id
            assert row["_sf_change_type"] == event["expect"]["header"]["changeType"]
            assert row["_sf_commit_number"] == event["expect"]["header"]["commitNumber"]
            for name, value in event["expect"]["body"].items():
                if isinstance(value, str) and name in row and name not in event["expect"]["diff"]:
                    assert row[name] == value, (event["what"], name)
                    seen += 1
                if isinstance(value, dict) and name == "ShippingAddress":
                    for part, inner in value.items():
                        assert row["Shipping" + part] == inner, (event["what"], part)
                        seen += 1
    assert seen > 20


def test_three_states():
    cleared = next(e for e in EVENTS if e["what"] == "cleared fields, top level")
    (row,) = rows(sfcdc.Decoder(SCHEMAS[cleared["schema_file"]]).decode([cleared["bytes"]]))
    for name in cleared["expect"]["nulled"]:
        assert row[name] is None and name in row["_sf_columns_to_update"]
    unchanged = next(n for n in row if not n.startswith("_sf_") and n != "Id" and n not in row["_sf_columns_to_update"])
    assert row[unchanged] is None


def test_every_reader_sees_the_same():
    decoder = sfcdc.Decoder(SCHEMAS[ACCOUNT])
    payloads = [e["bytes"] for e in of(ACCOUNT)]
    once = pyarrow.table(decoder.decode(payloads, received_ms=1_760_000_001_234))
    again = polars.DataFrame(decoder.decode(payloads, received_ms=1_760_000_001_234))
    assert again.select("Id", "_sf_commit_number", "Name").to_dicts() == once.select(["Id", "_sf_commit_number", "Name"]).to_pylist()
    third = pyarrow.RecordBatchReader.from_stream(decoder.decode(payloads))
    assert duckdb.sql("SELECT count(*), count(DISTINCT Id), max(_sf_commit_number) FROM third").fetchall() == [
        (once.num_rows, len(set(once["Id"].to_pylist()) - {None}), max(once["_sf_commit_number"].to_pylist()))]
    assert pyarrow.schema(decoder) == once.schema
    batch = pyarrow.record_batch(decoder.decode(payloads))  # by __arrow_c_array__
    assert batch.num_rows == once.num_rows


def test_what_payloads_may_be():
    decoder = sfcdc.Decoder(SCHEMAS[ACCOUNT], columns=["Id", "_sf_commit_number"])
    payloads = [e["bytes"] for e in of(ACCOUNT)]
    wanted = rows(decoder.decode(payloads))
    assert wanted
    column = pyarrow.array(payloads, pyarrow.binary())
    for given in (tuple(payloads), iter(payloads), [bytearray(p) for p in payloads], [memoryview(p) for p in payloads], column, pyarrow.array(payloads, pyarrow.large_binary()),
                  pyarrow.chunked_array([column.slice(0, 5), column.slice(5)]), pyarrow.array([b"x", *payloads], pyarrow.binary()).slice(1), polars.Series(payloads).to_arrow()):
        assert rows(decoder.decode(given)) == wanted, type(given)
    assert decoder.decode([]).rows == 0 and rows(decoder.decode([])) == []
    assert rows(decoder.decode(pyarrow.array([], pyarrow.binary()))) == []
    with_null = decoder.decode(pyarrow.array([*payloads[:2], None, *payloads[2:]], pyarrow.binary()), on_error="collect")
    assert rows(with_null) == wanted
    # They are there after the rows were read, too: it is then that they are kept somewhere.
    assert [(b.index, b.reason) for b in with_null.errors] == [(2, "the payload is null")] and with_null.rows == len(wanted)
    for wrong in (payloads[0], "text", [1], [payloads], pyarrow.array([1, 2]), pyarrow.array(["a"]).dictionary_encode(), 7):
        with pytest.raises((ValueError, TypeError)):
            decoder.decode(wrong)


def test_several_schemas_each_by_its_own():
    """Payloads of two schemas of one object: by its own each is right, and by the newer alone the older are not."""
    old, new = (SCHEMAS[f"AccountChangeEvent.{year}.avsc"] for year in (2023, 2026))
    events = [e for e in EVENTS if e["schema_file"].startswith("Account")]
    random.Random(1).shuffle(events)
    decoder = sfcdc.Decoder([old, new])
    made = rows(decoder.decode([e["bytes"] for e in events], schema_ids=[e["schema_id"] for e in events]))
    assert [r["_sf_schema_id"] for r in made] == [e["schema_id"] for e in events for _ in range(max(len(e["expect"]["header"]["recordIds"]), 1))]
    for e in events:
        (alone, *_) = rows(sfcdc.Decoder(SCHEMAS[e["schema_file"]]).decode([e["bytes"]], received_ms=1))
        found = next(r for r in made if r["Id"] == alone["Id"] and r["_sf_commit_number"] == alone["_sf_commit_number"] and r["_sf_transaction_key"] == alone["_sf_transaction_key"]
                     and r["_sf_sequence_number"] == alone["_sf_sequence_number"] and r["_sf_change_type"] == alone["_sf_change_type"] and r["_sf_rest"] == alone["_sf_rest"]
                     and all(r[k] == v for k, v in alone.items() if k != "_sf_ingested_at"))
        assert found
    with pytest.raises(ValueError, match="several schemas"):
        decoder.decode([events[0]["bytes"]])
    with pytest.raises(ValueError, match='no schema "other", which event 0 is of'):
        decoder.decode([events[0]["bytes"]], schema_ids=["other"])
    with pytest.raises(ValueError, match="replay_ids: there are 0 values for"):
        sfcdc.Decoder(new).decode([e["bytes"] for e in of(ACCOUNT)], replay_ids=[])
    with pytest.raises(ValueError, match="1 values for 2 payloads"):
        decoder.decode([e["bytes"] for e in events[:2]], schema_ids=[events[0]["schema_id"]])


def test_hidden_fields_and_tokens():
    schema = SCHEMAS[ACCOUNT]
    payloads = [e["bytes"] for e in of(ACCOUNT)]
    key = bytes(range(32))
    open_rows = rows(sfcdc.Decoder(schema).decode(payloads))
    names = {r["Name"] for r in open_rows if r["Name"]}
    streets = {r["ShippingStreet"] for r in open_rows if r["ShippingStreet"]}
    assert names and streets
    decoder = sfcdc.Decoder(schema, deny=["shippingaddress"], tokenise=["Name"], token_key=key)
    hidden = rows(decoder.decode(payloads))
    said = json.dumps(hidden, default=str)
    assert not any(street in said for street in streets)
    assert "ShippingStreet" not in hidden[0] or all(r["ShippingStreet"] is None for r in hidden)
    tokens = {r["Name"] for r in hidden if r["Name"]}
    assert tokens and all(t.startswith("tok_") for t in tokens) and not any(name in tokens for name in names)
    assert not any(name in said for name in names if len(name) > 6)
    assert [r["Name"] for r in rows(decoder.decode(payloads))] == [r["Name"] for r in hidden], "equal values have equal tokens"
    assert sfcdc.Decoder(schema, deny=["NoSuchField"]).warnings
    for wrong in ({"tokenise": ["Name"]}, {"token_key": key}, {"tokenise": ["Name"], "token_key": b"short"}, {"layout": "lakeflow", "deny": ["Name"]}):
        with pytest.raises(ValueError):
            sfcdc.Decoder(schema, **wrong)


def test_layouts_columns_and_decimals():
    schema = SCHEMAS[ACCOUNT]
    payloads = [e["bytes"] for e in of(ACCOUNT)]
    ids = [f"event-{i}" for i in range(len(payloads))]
    for layout, column in (("sfcdc", "record_data"), ("salesforce_zerobus", "record_data_json"), ("lakeflow", "decoded_event")):
        table = pyarrow.table(sfcdc.Decoder(schema, layout=layout).decode(payloads, event_ids=ids, org_id="00D000000000001AAA", topic="/data/ChangeEvents"))
        assert table.num_rows >= len(payloads)
        assert all(isinstance(json.loads(text), dict) for text in table[column].to_pylist() if text)
        if layout == "salesforce_zerobus":
            assert table["event_id"].to_pylist() == ids and table["payload_binary"].to_pylist() == payloads and set(table["org_id"].to_pylist()) == {"00D000000000001AAA"}
    assert pyarrow.schema(sfcdc.Decoder(schema, columns=["Name", "Id"])).names == ["Name", "Id"]
    number = next(name for name, _, doc in schema.fields if ":Currency:" in doc or ":Double:" in doc)
    assert pyarrow.schema(sfcdc.Decoder(schema, decimals={number: (18, 2)})).field(number).type == pyarrow.decimal128(18, 2)
    text = json.loads(TEXTS[ACCOUNT])
    older = sfcdc.Schema(json.dumps(text | {"fields": [f for f in text["fields"] if f["name"] != number]}))
    for schemas in ([older, schema], [schema, older]):
        both = sfcdc.Decoder(schemas, decimals={number: (18, 2)})
        assert pyarrow.schema(both).field(number).type == pyarrow.decimal128(18, 2), "a field that one schema lacks"
    for wrong in ({"layout": "other"}, {"columns": ["nothing"]}, {"decimals": {"nothing": (18, 2)}}, {"decimals": {number: (2, 3)}}, {"decimals": {number: (99, 2)}}):
        with pytest.raises(ValueError):
            sfcdc.Decoder(schema, **wrong)
    with pytest.raises(ValueError):
        sfcdc.Decoder([])
    with pytest.raises(TypeError):
        sfcdc.Decoder([TEXTS[ACCOUNT]])


def test_payloads_that_are_none():
    schema = SCHEMAS[ACCOUNT]
    decoder = sfcdc.Decoder(schema, columns=["Id"])
    good = [e["bytes"] for e in of(ACCOUNT)]
    with pytest.raises(sfcdc.DecodeError, match="event 1: byte ") as raised:
        decoder.decode([good[0], good[1][:-1], good[2]])
    assert raised.value.index == 1 and raised.value.byte <= len(good[1]) and raised.value.reason
    assert isinstance(raised.value, ValueError)
    random_ = random.Random(7)
    mixed, bad = [], []
    for i in range(3000):
        payload = bytearray(random_.choice(good))
        if random_.random() < 0.5:
            for _ in range(random_.randrange(1, 4)):
                payload[random_.randrange(len(payload))] = random_.randrange(256)
            payload = payload[:random_.randrange(len(payload) + 1)]
        mixed.append(bytes(payload))
    made = decoder.decode(mixed, on_error="collect")
    bad = {b.index for b in made.errors}
    assert bad and len(bad) < 3000
    assert [b.index for b in made.errors] == sorted(bad)
    assert rows(made) == [row for i, p in enumerate(mixed) if i not in bad for row in rows(decoder.decode([p]))]
    for f in (sfcdc.header, schema.header, schema.field_lists, schema.to_json):
        with pytest.raises(sfcdc.DecodeError):
            f(b"\x01")
    with pytest.raises(ValueError):
        decoder.decode(good, on_error="ignore")


def test_batches_of_so_many_rows_and_read_once():
    decoder = sfcdc.Decoder(SCHEMAS[ACCOUNT], columns=["Id", "_sf_record_ordinal"])
    payloads = [e["bytes"] for e in of(ACCOUNT)] * 50
    whole = rows(decoder.decode(payloads))
    batches = decoder.decode(payloads, batch_rows=100)
    with pytest.raises(ValueError, match="several batches"):
        batches.__arrow_c_array__()
    table = pyarrow.table(batches)
    assert table.to_pylist() == whole
    sizes = [b.num_rows for b in table.to_batches()]
    assert all(100 <= s < 100 + 25 for s in sizes[:-1]) and len(sizes) > 3
    with pytest.raises(ValueError, match="handed over before"):
        batches.__arrow_c_stream__()


class ArrowArray(ctypes.Structure):
    pass


ArrowArray._fields_ = [(name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers", "n_children")] + [
    ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.POINTER(ctypes.POINTER(ArrowArray))), ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p), ("private_data", ctypes.c_void_p)]
ctypes.pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
ctypes.pythonapi.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def test_no_copy_on_the_way_to_pyarrow():
    """The addresses that the core has written into its ArrowArray are those of pyarrow's buffers."""
    decoder = sfcdc.Decoder(SCHEMAS[ACCOUNT], columns=["_sf_commit_number", "Id"])
    payloads = [e["bytes"] for e in of(ACCOUNT)] * 20
    schema, array = decoder.decode(payloads).__arrow_c_array__()
    exported = ctypes.cast(ctypes.pythonapi.PyCapsule_GetPointer(array, b"arrow_array"), ctypes.POINTER(ArrowArray)).contents
    ours = [[exported.children[c].contents.buffers[b] for b in range(exported.children[c].contents.n_buffers)] for c in range(exported.n_children)]
    batch = pyarrow.RecordBatch._import_from_c_capsule(schema, array)
    assert batch.num_rows > len(payloads)
    theirs = [[None if b is None else b.address for b in batch.column(c).buffers()] for c in range(2)]
    assert [[a or None for a in column] for column in ours] == theirs and all(any(column) for column in theirs)
    # What somebody holds is not filled again, and what was released is.
    kept = [pyarrow.record_batch(decoder.decode(payloads)) for _ in range(5)]
    assert len({b.column(0).buffers()[1].address for b in kept}) == 5
    assert all(b.equals(kept[0]) for b in kept)


def test_consumers_that_keep_and_that_drop():
    schema = SCHEMAS[ACCOUNT]
    payloads = [e["bytes"] for e in of(ACCOUNT)]
    decoder = sfcdc.Decoder(schema)
    kept = pyarrow.table(decoder.decode(payloads))
    wanted = kept.to_pylist()
    dropped = decoder.decode(payloads)
    capsule = decoder.decode(payloads).__arrow_c_stream__()  # nobody reads it
    half_read = pyarrow.RecordBatchReader.from_stream(decoder.decode(payloads * 10, batch_rows=20))
    half_read.read_next_batch()
    decoder.close()
    with pytest.raises(ValueError, match="closed"):
        decoder.decode(payloads)
    del decoder, dropped, capsule, half_read
    gc.collect()
    assert kept.to_pylist() == wanted
    with sfcdc.Decoder(schema) as other:
        made = other.decode(payloads)
    assert pyarrow.table(made).drop_columns("_sf_ingested_at").to_pylist() == kept.drop_columns("_sf_ingested_at").to_pylist()


def test_threads():
    """Threads share a decoder, and close it meanwhile; others have their own, and run beside it."""
    schema = SCHEMAS[ACCOUNT]
    payloads = [e["bytes"] for e in of(ACCOUNT)] * 40
    shared = sfcdc.Decoder(schema)
    wanted = pyarrow.table(shared.decode(payloads, received_ms=5))
    start = threading.Barrier(4)

    def work(own):
        start.wait()
        decoder = sfcdc.Decoder(schema) if own else shared
        return all(pyarrow.table(decoder.decode(payloads, received_ms=5)).equals(wanted) for _ in range(20))

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, (False, False, True, True)))

    closing = sfcdc.Decoder(schema)

    def until_closed():
        try:
            while True:
                closing.decode(payloads)
        except ValueError as e:
            return str(e)

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        ends = [pool.submit(until_closed) for _ in range(2)]
        closing.close()
        assert {e.result(30) for e in ends} == {"the decoder is closed"}


def test_lists_that_change_meanwhile():
    """What decode() was given is its own: the caller's list may be emptied by another thread."""
    decoder = sfcdc.Decoder(SCHEMAS[ACCOUNT], columns=["Id"])
    wanted = rows(decoder.decode([e["bytes"] for e in of(ACCOUNT)] * 100))
    done = threading.Event()
    given = []

    def disturb():
        while not done.is_set():
            given.clear()
            given.extend(bytes(e["bytes"]) + b"" for e in of(ACCOUNT) for _ in range(100))

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        for _ in range(50):
            decoder.decode(given)
    finally:
        done.set()
        thread.join()
    assert rows(decoder.decode([e["bytes"] for e in of(ACCOUNT)] * 100)) == wanted


def memory():
    return int(next(line for line in pathlib.Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS")).split()[1])


def test_memory_is_flat():
    """A million events in a loop; the first tenth warms up."""
    decoder = sfcdc.Decoder(SCHEMAS[ACCOUNT])
    payloads = [e["bytes"] for e in of(ACCOUNT)] * 40
    bad = [p[:-1] for p in payloads[:50]]
    numbers = pyarrow.array(range(10_000))
    rounds, warm = 2000, None
    for i in range(rounds):
        pyarrow.table(decoder.decode(payloads + bad, on_error="collect"))
        with pytest.raises(sfcdc.DecodeError):
            decoder.decode(bad)
        with pytest.raises(ValueError):
            decoder.decode(numbers)  # of a wrong type, and handed over all the same
        sfcdc.Schema(TEXTS[ACCOUNT])
        if i == rounds // 10:
            gc.collect()
            warm = memory()
    gc.collect()
    assert rounds * len(payloads) > 900_000
    assert memory() - warm < 8 << 10, "KiB"


def test_positions():
    assert sfcdc.replay_id_from_hex("0001FF") == b"\x00\x01\xff" == sfcdc.replay_id_from_base64("AAH/")
    assert sfcdc.replay_id_to_hex(b"\x00\x01\xff") == "0001ff" and sfcdc.replay_id_to_base64(b"\x00\x01\xff") == "AAH/"
    for wrong in ("0", "xy"):
        with pytest.raises(ValueError, match="character"):
            sfcdc.replay_id_from_hex(wrong)
    with pytest.raises(ValueError):
        sfcdc.replay_id_to_hex(bytes(5000))
    assert sfcdc.__version__
