"""Random schemas and data: what sfcdc reads is what was written, and what fastavro and Apache Avro read from the same
bytes; and what those two write, sfcdc reads as they do. SFCDC_SEED=N runs another lot."""
import base64
import datetime
import decimal
import hashlib
import io
import json
import os
import pathlib
import random
import subprocess
import uuid

import avro.errors
import avro.io
import avro.schema
import fastavro
import fastavro.schema
import pytest
from random_avro import DataMaker, SchemaMaker, TooDeep, Writer, exact, plain, without_logical_types

DUMP = pathlib.Path(os.environ["SFCDC_BUILD"]) / "tests" / "avro_dump"
SEED = int(os.environ.get("SFCDC_SEED", "20260115"))
SCHEMAS, DATA = 900, 4


def dump(lines):
    """What sfcdc says to each line."""
    done = subprocess.run([DUMP], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True, encoding="utf-8", timeout=300)
    assert done.returncode == 0, done.stdout[-2000:]
    answers = [json.loads(line) for line in done.stdout.split("\n")[:-1]]
    assert len(answers) == len(lines)
    return answers


class Fastavro:
    name = "fastavro"
    canonical_form_wrong_of = set()

    def __init__(self, schema):
        self.schema = fastavro.parse_schema(json.loads(json.dumps(schema)))

    def canonical(self):
        return fastavro.schema.to_parsing_canonical_form(self.schema)

    def read(self, payload):
        stream = io.BytesIO(payload)
        datum = fastavro.schemaless_reader(stream, self.schema, None)
        assert stream.read() == b""
        return datum

    def write(self, datum):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.schema, datum)
        return out.getvalue()


class ApacheAvro:
    name = "avro"
    # It lets the namespace around go on inside "namespace": "" (Salesforce's ids say that it ends there, as Java and
    # fastavro have it), and writes out a fixed each time that it is named.
    canonical_form_wrong_of = {"an empty namespace inside another", "a fixed by name"}

    def __init__(self, schema):
        self.schema = avro.schema.parse(json.dumps(schema))

    def canonical(self):
        return self.schema.canonical_form

    def read(self, payload):
        stream = io.BytesIO(payload)
        datum = avro.io.DatumReader(self.schema).read(avro.io.BinaryDecoder(stream))
        assert stream.read() == b""
        return datum

    def write(self, datum):
        out = io.BytesIO()
        avro.io.DatumWriter(self.schema).write(datum, avro.io.BinaryEncoder(out))
        return out.getvalue()


class Case:
    """A schema, what each judge makes of it, and its data: [(value, payload)]."""

    def __init__(self, rng):
        maker = SchemaMaker(rng)
        self.schema, self.meaning = maker.event()
        self.has = maker.has
        self.data = []
        for _ in range(DATA):
            try:
                value = DataMaker(rng).value(self.meaning)
            except TooDeep:
                continue
            payload = Writer(rng).write(self.meaning, value)
            if len(payload) <= 20_000:
                self.data.append((value, payload))
        self.judges = {}
        for judge in (Fastavro, ApacheAvro):
            try:
                self.judges[judge.name] = judge(without_logical_types(self.schema))
            except (fastavro.schema.UnknownType, avro.errors.AvroException) as refused:
                self.judges[judge.name] = refused

    def judge(self, name):
        judge = self.judges[name]
        return None if isinstance(judge, Exception) else judge


@pytest.fixture(scope="module")
def cases(request):
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        print(f"\nrandom Avro: SFCDC_SEED={SEED}")
    rng = random.Random(SEED)
    return [Case(rng) for _ in range(SCHEMAS)]


@pytest.fixture(scope="module")
def answers(cases):
    """sfcdc's answers: of each case the one to its schema, and those to its data."""
    lines = []
    for case in cases:
        lines.append("schema " + json.dumps(case.schema))
        lines += ["datum " + payload.hex() for _, payload in case.data]
    told = iter(dump(lines))
    return [(next(told), [next(told) for _ in case.data]) for case in cases]


def test_what_was_written_by_hand_is_read(cases, answers):
    pairs = 0
    for case, (schema, data) in zip(cases, answers):
        assert "error" not in schema, (SEED, schema, case.schema)
        for (value, _), got in zip(case.data, data, strict=True):
            assert got == value, (SEED, case.schema)
            pairs += 1
    assert pairs >= 2000


@pytest.mark.parametrize("name", ["fastavro", "avro"])
def test_the_others_read_the_same_from_the_same_bytes(cases, answers, name):
    pairs = 0
    for case, (_, data) in zip(cases, answers):
        if judge := case.judge(name):
            for (_, payload), got in zip(case.data, data, strict=True):
                assert exact(judge.read(payload)) == exact(plain(got)), (SEED, case.schema)
                pairs += 1
    assert pairs >= 2000


@pytest.mark.parametrize("name", ["fastavro", "avro"])
def test_what_the_others_write_is_read_as_they_read_it(cases, name):
    lines, wanted, refused = [], [], 0
    for case in cases:
        if judge := case.judge(name):
            lines.append("schema " + json.dumps(case.schema))
            wanted.append(None)
            for value, _ in case.data:
                try:
                    payload = judge.write(plain(value))
                except Exception:  # a double too large for the float branch that it chose, for one
                    refused += 1
                    continue
                lines.append("datum " + payload.hex())
                wanted.append((case, exact(judge.read(payload))))
    pairs = 0
    for got, want in zip(dump(lines), wanted, strict=True):
        if want is not None:
            assert "error" not in got, (SEED, got, want[0].schema)
            assert exact(plain(got)) == want[1], (SEED, want[0].schema)
            pairs += 1
    assert pairs >= 2000 and refused < pairs / 20, (pairs, refused)


def test_payloads_too_short_or_too_long_are_errors(cases):
    rng = random.Random(SEED + 1)
    lines, cut, longer = [], 0, 0
    for case in cases:
        lines.append("schema " + json.dumps(case.schema))
        for _, payload in case.data:
            for _ in range(3 if payload else 0):
                lines.append("datum " + payload[: rng.randrange(len(payload))].hex())
                cut += 1
            lines.append("datum " + (payload + rng.randbytes(1 + rng.randrange(40))).hex())
            longer += 1
    lengths = iter(len(line.split(" ")[1]) // 2 for line in lines if line.startswith("datum"))
    for line, got in zip(lines, dump(lines), strict=True):
        if line.startswith("datum"):
            assert "error" in got, (SEED, line)
            assert got["offset"] <= next(lengths), (SEED, line)
    assert cut >= 2000 and longer >= 1000


@pytest.mark.parametrize("name", ["fastavro", "avro"])
def test_canonical_forms_and_schema_ids(cases, answers, name):
    same = 0
    for case, (schema, _) in zip(cases, answers):
        judge = case.judge(name)
        if judge and not judge.canonical_form_wrong_of & case.has:
            canonical = judge.canonical()
            assert schema["canonical"] == canonical, (SEED, case.schema)
            digest = hashlib.md5(canonical.encode()).digest()
            assert schema["id"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            same += 1
    assert same >= 500


def test_logical_types_are_passed_through_as_what_they_are_made_of():
    logical = lambda kind, name, **more: {"type": kind, "logicalType": name, **more}
    when = datetime.datetime(2026, 1, 15, 12, 30, 0, 123456, tzinfo=datetime.timezone.utc)
    micros = (when - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(microseconds=1)
    fields = {  # type, what fastavro is given, what sfcdc is to read
        "date": (logical("int", "date"), when.date(), ["int", micros // 86_400_000_000]),
        "clock": (logical("int", "time-millis"), datetime.time(12, 30, 0, 123000), ["int", 45_000_123]),
        "at": (logical("long", "timestamp-millis"), when, ["long", micros // 1000]),
        "exactly": (logical("long", "timestamp-micros"), when, ["long", micros]),
        "price": (logical("bytes", "decimal", precision=9, scale=2), decimal.Decimal("-12.34"), ["bytes", "fb2e"]),
        "id": (logical("string", "uuid"), uuid.UUID(int=77), ["string", str(uuid.UUID(int=77))]),
    }
    schema = {"type": "record", "name": "Logical", "fields": [{"name": n, "type": ["null", t]} for n, (t, _, _) in fields.items()]}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), {n: v for n, (_, v, _) in fields.items()})
    told = dump(["schema " + json.dumps(schema), "datum " + out.getvalue().hex()])
    assert told[1] == ["record", [[n, want] for n, (_, _, want) in fields.items()]]
