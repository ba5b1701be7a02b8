"""Batches of events, as pyarrow, polars, DuckDB and nanoarrow read them, against values that Python has put into the events itself
and against the library's own JSON rows; and the promises of Arrow's C interfaces about memory."""
import base64
import collections
import ctypes
import datetime
import decimal
import gc
import json
import math
import os
import pathlib
import random
import struct

import duckdb
import nanoarrow
import polars
import pyarrow
import pytest

BUILD = pathlib.Path(os.environ["SFCDC_BUILD"])
SEED = int(os.environ.get("SFCDC_SEED", "1"))
DAY = 86_400_000  # milliseconds
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
WHOLE, UPDATE, LOSS = ("CREATE", "UNDELETE", "SNAPSHOT"), "UPDATE", ("DELETE", "GAP_UPDATE", "GAP_DELETE", "GAP_OVERFLOW")
CHANGES = ["CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"]


# ---- Arrow's structs, and a stream whose callbacks are counted ----------------------------------------------------------------


class ArrowSchema(ctypes.Structure):
    pass


class ArrowArray(ctypes.Structure):
    pass


class ArrowArrayStream(ctypes.Structure):
    pass


RELEASE_ARRAY = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowArray))
RELEASE_STREAM = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowArrayStream))
GET_NEXT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(ArrowArray))
GET_SCHEMA = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ArrowArrayStream), ctypes.POINTER(ArrowSchema))
RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, ctypes.POINTER(ArrowSchema))
ArrowSchema._fields_ = [("format", ctypes.c_char_p), ("name", ctypes.c_char_p), ("metadata", ctypes.c_void_p), ("flags", ctypes.c_int64), ("n_children", ctypes.c_int64),
                        ("children", ctypes.POINTER(ctypes.POINTER(ArrowSchema))), ("dictionary", ctypes.c_void_p), ("release", RELEASE_SCHEMA), ("private_data", ctypes.c_void_p)]
ArrowArray._fields_ = [("length", ctypes.c_int64), ("null_count", ctypes.c_int64), ("offset", ctypes.c_int64), ("n_buffers", ctypes.c_int64), ("n_children", ctypes.c_int64),
                       ("buffers", ctypes.POINTER(ctypes.c_void_p)), ("children", ctypes.POINTER(ctypes.POINTER(ArrowArray))), ("dictionary", ctypes.c_void_p),
                       ("release", RELEASE_ARRAY), ("private_data", ctypes.c_void_p)]
ArrowArrayStream._fields_ = [("get_schema", GET_SCHEMA), ("get_next", GET_NEXT), ("get_last_error", ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.POINTER(ArrowArrayStream))),
                             ("release", RELEASE_STREAM), ("private_data", ctypes.c_void_p)]

library = ctypes.CDLL(str(BUILD / "tests" / "libarrow_events.so"))
library.sfcdc_open.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p]
library.sfcdc_json.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_void_p)]
library.sfcdc_free.argtypes = [ctypes.c_void_p]
library.sfcdc_free.restype = None


def arguments(schema, payloads):
    return schema.encode(), b"".join(payloads), (ctypes.c_uint32 * len(payloads))(*map(len, payloads)), len(payloads)


def opened(schema, payloads, rows=0):
    """The struct as the library has filled it, over memory that was not cleared."""
    stream = ArrowArrayStream()
    ctypes.memset(ctypes.byref(stream), 0xA5, ctypes.sizeof(stream))
    assert library.sfcdc_open(*arguments(schema, payloads), rows, ctypes.byref(stream)) == 0
    return stream


def reader(schema, payloads, rows=0):
    stream = opened(schema, payloads, rows)
    return pyarrow.RecordBatchReader._import_from_c(ctypes.addressof(stream))


def json_rows(schema, payloads):
    text = ctypes.c_void_p()
    assert library.sfcdc_json(*arguments(schema, payloads), ctypes.byref(text)) == 0
    lines = ctypes.string_at(text)
    library.sfcdc_free(text)
    return [json.loads(line) for line in lines.splitlines()]


class Exported:
    """What consumers ask for a stream; each question opens a new one. It must outlive what it has given."""

    def __init__(self, *given):
        self.given, self.kept = given, []

    def __arrow_c_stream__(self, requested_schema=None):
        stream = opened(*self.given)
        self.kept.append(stream)  # the capsule points to it
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(ctypes.addressof(stream), b"arrow_array_stream", None)


# ---- random schemas and events, with what is expected of them ------------------------------------------------------------------


def number(v):
    v = 2 * v if v >= 0 else -2 * v - 1
    out = bytearray()
    while v > 127:
        out.append(v & 127 | 128)
        v >>= 7
    return bytes([*out, v])


def text(s):
    data = s.encode()
    return number(len(data)) + data


def texts(items):
    return (number(len(items)) if items else b"") + b"".join(map(text, items)) + b"\0"


def exact_decimal(x):
    """An amount of 20 digits, two of them behind the point; None for what would have to be rounded."""
    d = decimal.Decimal(repr(x)) if math.isfinite(x) else None
    if d is None or abs(d) >= 10**18 or d != round(d, 2):
        return None
    return round(d, 2)


class Kind:
    """Of a field: its Avro type, what Salesforce says in `doc`, the column's Arrow type, and a function that makes the bytes of a
    value and what is expected of it."""

    def __init__(self, avro, doc, arrow, make):
        self.avro, self.doc, self.arrow, self.make = avro, doc, arrow, make


def any_text(r):
    s = r.choice(("", "Acme", "München", "a text of more than thirty-two bytes, which is copied in two", "中文 \U0001f600", "q\"\\\n\0", "x" * r.randrange(200)))
    return text(s), s


def any_double(r):
    x = r.choice((0.0, -0.0, 1e300, 0.1, r.uniform(-1e6, 1e6), float(r.randrange(-5, 5))))
    return struct.pack("<d", x), x


def any_money(r):
    x = r.choice((0.0, -0.05, 0.125, 1e17, 1e18, 12345678.9, -99.99, r.randrange(-10**9, 10**9) / 100, r.uniform(-1, 1)))
    return struct.pack("<d", x), exact_decimal(x)


def any_boolean(r):
    x = r.random() < 0.5
    return bytes([x]), x


def integers(bits, edges=()):
    def make(r):
        x = r.choice((0, 1, -1, 63, 64, -65, 8192, 2**(bits - 1) - 1, -2**(bits - 1), r.getrandbits(bits - 1) >> r.randrange(bits), *edges))
        return number(x), x
    return make


def converted(make, to):
    def of(r):
        data, x = make(r)
        return data, to(x)
    return of


def microseconds(ms):
    return ms * 1000 if abs(ms) <= (2**63 - 1) // 1000 else None


def days(ms):
    return ms // DAY if -2**31 <= ms // DAY < 2**31 else None


def time_of_day(ms):
    return f"{ms // 3600000:02}:{ms // 60000 % 60:02}:{ms // 1000 % 60:02}.{ms % 1000:03}Z" if 0 <= ms < DAY else None


def any_bytes(r):
    data = r.randbytes(r.choice((0, 1, 33)))
    return number(len(data)) + data, data


def any_tags(r):
    tags = r.choices(("a", "bc", "Zürich", "d e"), k=1 + r.randrange(4))
    return text(";".join(tags)), tags


def any_colour(r):
    place = r.randrange(3)
    return number(place), ("Red", "Green", "Blue")[place]


KINDS = {
    "Text__c": Kind("string", "Text", pyarrow.string(), any_text),
    "Double__c": Kind("double", "Double", pyarrow.float64(), any_double),
    "Money__c": Kind("double", "Currency", pyarrow.decimal128(20, 2), any_money),
    "Flag__c": Kind("boolean", "Boolean", pyarrow.bool_(), any_boolean),
    "Int__c": Kind("int", "Integer", pyarrow.int32(), integers(32)),
    "Big__c": Kind("long", "Integer", pyarrow.int64(), integers(64)),
    "At__c": Kind("long", "DateTime", pyarrow.timestamp("us", "UTC"), converted(integers(64, (1_760_000_000_123,)), microseconds)),
    "Day__c": Kind("long", "DateOnly", pyarrow.date32(), converted(integers(64, (-1, -DAY, DAY - 1, 20_000 * DAY, 2**31 * DAY - 1, 2**31 * DAY, -2**31 * DAY, -2**31 * DAY - 1)), days)),
    "Time__c": Kind("long", "TimeOnly", pyarrow.string(), converted(integers(64, (30_600_000, DAY - 1, DAY)), time_of_day)),
    "Tags__c": Kind("string", "MultiEnum", pyarrow.list_(pyarrow.string()), any_tags),
    "Bytes__c": Kind("bytes", "Blob", pyarrow.binary(), any_bytes),
    "Pick__c": Kind({"type": "enum", "symbols": ["Red", "Green", "Blue"]}, "DynamicEnum", pyarrow.string(), any_colour),
}
COMPOUNDS = {"Address": ("BillingAddress", (("Street", "Text__c"), ("City", "Text__c"), ("Latitude", "Double__c"))), "Location": ("Place__c", (("Latitude", "Double__c"), ("Longitude", "Double__c")))}
COMPONENTS = {"BillingAddress": "Billing{}", "Place__c": "Place__{}__s"}


class Object:
    """A random object: its schema, and events with the rows that are expected of them."""

    def __init__(self, r, kinds=tuple(KINDS), most=25):
        self.random, self.fields = r, []  # (name, doc, [(column, kind)], whether it is a compound)
        for i in range(1 + r.randrange(most)):
            name = f"F{i}{r.choice(kinds)}"
            kind = name[len(f"F{i}"):]
            self.fields.append((name, KINDS[kind].doc, [(name, KINDS[kind])], False))
        for doc, (name, children) in COMPOUNDS.items():
            if r.random() < 0.5:
                self.fields.append((name, doc, [(COMPONENTS[name].format(child), KINDS[kind]) for child, kind in children], True))
        r.shuffle(self.fields)
        self.columns = {column: kind for field in self.fields for column, kind in field[2]}
        self.schema = json.dumps({"type": "record", "name": "ThingChangeEvent", "namespace": "com.sforce.eventbus", "fields": [self.header(), *map(self.field, self.fields)]})

    def header(self):
        of = {"type": "array", "items": "string"}
        members = {"entityName": "string", "recordIds": of, "changeType": {"type": "enum", "name": "ChangeType", "symbols": CHANGES}, "changeOrigin": "string", "transactionKey": "string",
                   "sequenceNumber": "int", "commitTimestamp": "long", "commitNumber": "long", "commitUser": "string", "nulledFields": of, "diffFields": of, "changedFields": of}
        return {"name": "ChangeEventHeader", "type": {"type": "record", "name": "ChangeEventHeader", "fields": [{"name": n, "type": t} for n, t in members.items()]}}

    def field(self, field):
        name, doc, columns, compound = field
        type_ = columns[0][1].avro
        if compound:
            type_ = {"type": "record", "name": doc + name[:1], "fields": [{"name": child, "type": ["null", KINDS[kind].avro]} for child, kind in COMPOUNDS[doc][1]]}
        elif isinstance(type_, dict):
            type_ = {**type_, "name": "E_" + name}
        return {"name": name, "type": ["null", type_], "doc": f"Data:{doc}:00N000000000000", "default": None}

    def event(self, chance, change=None):
        """The payload and its rows."""
        r = self.random
        change = change or r.choices(("CREATE", "UPDATE", "UNDELETE", "SNAPSHOT", "DELETE", "GAP_UPDATE", "GAP_OVERFLOW"), (5, 10, 1, 1, 1, 1, 1))[0]
        body, row, top, children, nulled = b"", dict.fromkeys(self.columns), 0, [], 0
        listed = set(self.columns) if change in WHOLE else set()
        unfit = set()  # their value has no place in the column
        for place, (name, _, columns, compound) in enumerate(self.fields, 1):
            there = change not in LOSS and r.random() < chance
            if change == UPDATE:
                if compound and there and r.random() < 0.5:  # some of its children
                    bits = 1 + r.randrange(2**len(columns) - 1)
                    children.append(f"{place}-0x{bits:X}")
                    listed.update(column for i, (column, _) in enumerate(columns) if bits >> i & 1)
                elif there or r.random() < 0.1:  # has a value now, or has none any more
                    listed.update(column for column, _ in columns)
                    if there or r.random() < 0.5:
                        top |= 1 << place
                    else:
                        nulled |= 1 << place
            if not there:
                body += b"\0"
                continue
            body += b"\2"
            for column, kind in columns:
                if compound and (r.random() < 0.3 or (change == UPDATE and column not in listed)):
                    body += b"\0"
                    continue
                data, row[column] = kind.make(r)
                body += b"\2" * compound + data
                if row[column] is None:
                    unfit.add(column)
        ids = [] if change == "GAP_OVERFLOW" else [f"a01xx{r.randrange(10**10):010}AAA" for _ in range(r.choice((1, 1, 1, 2, 5)))]
        sequence, commit = r.randrange(100), r.getrandbits(62)
        user = r.choice(("", "005xx0000000001AAA"))
        payload = (text("Thing") + texts(ids) + number(CHANGES.index(change)) + text("com/example") + text("key-1") + number(sequence) + number(1_760_000_000_000) + number(commit) + text(user)
                   + texts([f"0x{nulled:X}"] if nulled else []) + texts([]) + texts(([f"0x{top:X}"] if top else []) + children) + body)
        listed -= unfit
        updates = {"_sf_committed_at", *listed} if change in WHOLE or change == UPDATE else set()
        row |= {"_sf_change_type": change, "_sf_columns_to_update": sorted(updates), "_sf_epoch": 3, "_sf_commit_number": commit, "_sf_sequence_number": sequence,
                "_sf_committed_at": 1_760_000_000_000_000, "_sf_replay_id": "0001ff10", "_sf_schema_id": "schema-1", "_sf_snapshot_id": None, "_sf_commit_user": user or None}
        return payload, [{**row, "Id": id_, "_sf_record_ordinal": i} for i, id_ in enumerate(ids or [None])]

    def events(self, count, chance=0.3):
        made = [self.event(chance) for _ in range(count)]
        return [payload for payload, _ in made], [row for _, rows in made for row in rows]


def values(table):
    """Rows of a table whose times are the numbers that they are stored as: Python's own times have fewer years."""
    columns = []
    for column, field in zip(table.columns, table.schema):
        if pyarrow.types.is_timestamp(field.type):
            column = column.cast(pyarrow.int64())
        elif pyarrow.types.is_date(field.type):
            column = column.cast(pyarrow.int32())
        columns.append(column.to_pylist())
    return [dict(zip(table.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def date_text(days_):
    """Of any day, also of years that Python lacks: 400 years have 146,097 days."""
    eras = days_ // 146_097
    day = datetime.date(1970, 1, 1) + datetime.timedelta(days_ - eras * 146_097)
    year = day.year + 400 * eras
    return f"{'-' if year < 0 else ''}{abs(year):04}-{day.month:02}-{day.day:02}"


def as_json(value, type_):
    """A value of an Arrow column as JSON rows have it."""
    if value is None:
        return None
    if pyarrow.types.is_date(type_):
        return date_text(value)
    if pyarrow.types.is_decimal(type_):
        return decimal.Decimal(value)
    if pyarrow.types.is_binary(type_):
        return base64.b64encode(value).decode()
    return value


def check(schema, payloads, expected, table):
    """Compares with what Python has written, and with all columns of the JSON rows."""
    found, by_json = values(table), json_rows(schema, payloads)
    assert len(found) == len(expected) == len(by_json)
    for row, wanted, other in zip(found, expected, by_json, strict=True):
        assert {**row, "_sf_columns_to_update": sorted(row["_sf_columns_to_update"])} == {**row, **wanted}
        assert list(row) == list(other)
        for field in table.schema:
            same = other[field.name]
            if pyarrow.types.is_decimal(field.type) and same is not None:
                same = decimal.Decimal(same)
            assert as_json(row[field.name], field.type) == same, field


# ---- values --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", range(25))
def test_random_objects(run):
    thing = Object(random.Random(f"{SEED}/{run}"), most=(3, 25, 140)[run % 3])
    payloads, expected = thing.events(1 + 37 * run % 300, (0.02, 0.3, 0.9)[run // 3 % 3])
    for rows in (0, 1, 64, 1000):
        batches = list(reader(thing.schema, payloads, rows))
        for batch in batches:
            batch.validate(full=True)
        assert rows == 0 or all(batch.num_rows >= rows for batch in batches[:-1])
        table = pyarrow.Table.from_batches(batches)
        for column, kind in thing.columns.items():
            assert table.schema.field(column).type == kind.arrow
        check(thing.schema, payloads, expected, table)
    # Slices are views with an offset.
    begin = len(expected) // 3
    part = pyarrow.Table.from_batches([batch.slice(1, max(0, batch.num_rows - 2)) for batch in reader(thing.schema, payloads)])
    part.validate(full=True)
    assert values(part) == values(table)[1:-1]
    assert values(table.slice(begin, 7)) == values(table)[begin:begin + 7]


def test_none_and_all_null_and_none_null():
    thing = Object(random.Random(SEED), most=40)
    (batch,) = reader(thing.schema, [])
    batch.validate(full=True)
    assert batch.num_rows == 0 and list(reader(thing.schema, [], 10)) == []
    for chance in (0, 1):
        payloads, expected = thing.events(130, chance)
        (batch,) = reader(thing.schema, payloads)
        batch.validate(full=True)
        check(thing.schema, payloads, expected, pyarrow.Table.from_batches([batch]))


def test_a_batch_of_100000_rows():
    thing = Object(random.Random(SEED), most=10)
    made = [thing.event(0.5, "UPDATE") for _ in range(2000)]
    some = [payload for payload, rows in made if len(rows) == 1][:1000]
    (small,), (huge,) = reader(thing.schema, some), reader(thing.schema, some * 100)
    huge.validate(full=True)
    assert small.num_rows == 1000 and huge.num_rows == 100_000
    for i in range(0, 100_000, 1000):
        assert huge.slice(i, 1000).equals(small)


# ---- other readers --------------------------------------------------------------------------------------------------------------

# Those times that Python has, too.
TAME = tuple(name for name in KINDS if name not in ("At__c", "Day__c"))


@pytest.fixture(scope="module")
def tame():
    thing = Object(random.Random(f"{SEED}/tame"), TAME, 60)
    payloads, expected = thing.events(700)
    return thing.schema, payloads, pyarrow.Table.from_batches(reader(thing.schema, payloads)).to_pylist(), expected


def test_polars(tame):
    schema, payloads, rows, expected = tame
    for size in (0, 100):
        exported = Exported(schema, payloads, size)
        frame = polars.DataFrame(exported)
        assert frame.to_dicts() == rows and frame["Id"].to_list() == [row["Id"] for row in expected]


def test_duckdb(tame):
    schema, payloads, rows, _ = tame
    exported = Exported(schema, payloads, 100)
    for _ in range(2):  # each query opens a stream
        found = duckdb.sql("SELECT * REPLACE (epoch_us(_sf_committed_at) AS _sf_committed_at, epoch_us(_sf_ingested_at) AS _sf_ingested_at) FROM exported")
        names = found.columns
        micro = datetime.timedelta(microseconds=1)
        wanted = [{**row, "_sf_committed_at": (row["_sf_committed_at"] - EPOCH) // micro, "_sf_ingested_at": (row["_sf_ingested_at"] - EPOCH) // micro} for row in rows]
        assert [dict(zip(names, row, strict=True)) for row in found.fetchall()] == wanted


def test_nanoarrow(tame):
    schema, payloads, rows, _ = tame
    exported = Exported(schema, payloads, 100)
    # nanoarrow 0.9.0 reads no negative decimal, not even one of pyarrow's: it takes its bits for a number without a sign.
    def read(row):
        return {name: value for name, value in row.items() if not name.endswith("Money__c")}

    found = nanoarrow.ArrayStream(exported).read_all().to_pylist()
    assert list(map(read, found)) == list(map(read, rows))


# ---- memory --------------------------------------------------------------------------------------------------------------------


def callback(type_, of):
    """A copy of a struct's callback: what ctypes returns for a member is a view of the struct."""
    return type_(ctypes.cast(of, ctypes.c_void_p).value)


class Counted:
    """A stream whose callbacks count who is released how often; it is made over the library's own."""

    def __init__(self, stream):
        self.released, self.kept, self.made = collections.Counter(), [], 0
        next_, release = callback(GET_NEXT, stream.get_next), callback(RELEASE_STREAM, stream.release)
        self.kept += [next_, release]

        def get_next(of, out):
            code = next_(of, out)
            if code == 0 and out[0].release:
                self.watch(out[0])
            return code

        def released(of):
            self.released["stream"] += 1
            release(of)
            assert not of[0].release

        stream.get_next, stream.release = GET_NEXT(get_next), RELEASE_STREAM(released)
        self.kept += [stream.get_next, stream.release]

    def watch(self, array):
        self.made += 1
        name, release = f"array {self.made}", callback(RELEASE_ARRAY, array.release)

        def released(of):
            self.released[name] += 1
            release(of)
            assert not of[0].release

        array.release = RELEASE_ARRAY(released)
        self.kept += [release, array.release]
        for i in range(array.n_children):
            self.watch(array.children[i][0])


@pytest.fixture(scope="module")
def sample():
    thing = Object(random.Random(f"{SEED}/memory"), most=20)
    return thing.schema, *thing.events(300)


def test_release_is_called_once(sample):
    schema, payloads, expected = sample
    stream = opened(schema, payloads, 100)
    counted = Counted(stream)
    read = pyarrow.RecordBatchReader._import_from_c(ctypes.addressof(stream))
    batches = list(read)
    del read
    gc.collect()
    assert counted.released == {"stream": 1}  # batches outlive it
    table = pyarrow.Table.from_batches(batches)
    check(schema, payloads, expected, table)
    column = table.column("Id")  # one column outlives the rest
    del table, batches
    gc.collect()
    assert column.to_pylist() == [row["Id"] for row in expected]
    del column
    gc.collect()
    assert counted.made > 50 and len(counted.released) == counted.made + 1 and set(counted.released.values()) == {1}


def test_children_are_moved_away(sample):
    """A column is taken out of a batch, and the batch is released before the column is read."""
    schema, payloads, expected = sample
    stream = opened(schema, payloads)
    counted, array = Counted(stream), ArrowArray()
    types = pyarrow.Table.from_batches(reader(schema, payloads)).schema
    ctypes.memset(ctypes.byref(array), 0xA5, ctypes.sizeof(array))
    assert stream.get_next(ctypes.byref(stream), ctypes.byref(array)) == 0
    moved = {}
    for i in range(0, array.n_children, 2):
        moved[types.names[i]] = taken = ArrowArray()
        ctypes.memmove(ctypes.byref(taken), array.children[i], ctypes.sizeof(taken))
        array.children[i][0].release = RELEASE_ARRAY()  # moved, not released
    for _ in range(3):  # the end is repeated
        after = ArrowArray()
        assert stream.get_next(ctypes.byref(stream), ctypes.byref(after)) == 0 and not after.release
    stream.release(ctypes.byref(stream))
    array.release(ctypes.byref(array))
    for _ in range(20):  # memory that was given back would be used again
        list(reader(schema, payloads[::-1]))
    names = list(moved)
    random.Random(SEED).shuffle(names)
    whole = pyarrow.Table.from_batches(reader(schema, payloads))
    for name in names:
        column = pyarrow.Array._import_from_c(ctypes.addressof(moved[name]), types.field(name).type)
        column.validate(full=True)
        assert whole.column(name).combine_chunks().equals(column)
        del column
    gc.collect()
    assert len(counted.released) == counted.made + 1 and set(counted.released.values()) == {1}


def test_an_error_in_the_middle(sample):
    schema, payloads, _ = sample
    broken = [*payloads[:200], payloads[200][:-1], *payloads[201:]]
    read = reader(schema, broken, 50)
    good = 0
    with pytest.raises(OSError, match="event 200: "):
        for batch in read:
            batch.validate(full=True)
            good += batch.num_rows
    assert good >= 100
    stream = ArrowArrayStream()
    assert library.sfcdc_open(*arguments("{}", payloads), 0, ctypes.byref(stream)) != 0


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_thousand_streams_do_not_grow(sample):
    schema, payloads, _ = sample

    def streams(count):
        for i in range(count):
            stream = opened(schema, payloads[:60], 20)
            if i % 3 == 0:  # never read
                stream.release(ctypes.byref(stream))
                continue
            read = pyarrow.RecordBatchReader._import_from_c(ctypes.addressof(stream))
            kept = [batch.column(0) for batch in read] if i % 3 == 1 else read.read_next_batch()
            del read, kept
        gc.collect()
        return resident()

    before = streams(200)
    assert streams(1000) - before < 2 << 20
