"""The official Zerobus SDKs against the emulator: what they stream stands in the lake, row for row."""
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from harness import Emulator, Scene

BUILD = os.environ["SFCDC_BUILD"]
HERE = pathlib.Path(__file__).parent
COUNT = 6


def row_descriptor():
    """A message with each kind of column that the layouts use."""
    field = descriptor_pb2.FieldDescriptorProto
    row = descriptor_pb2.DescriptorProto(name="Row")
    for number, (name, kind, label) in enumerate([
        ("id", field.TYPE_STRING, field.LABEL_OPTIONAL), ("n", field.TYPE_INT64, field.LABEL_OPTIONAL),
        ("raw", field.TYPE_BYTES, field.LABEL_OPTIONAL), ("words", field.TYPE_STRING, field.LABEL_REPEATED),
    ], 1):
        row.field.add(name=name, number=number, type=kind, label=label)
    return row


def make_rows():
    file = descriptor_pb2.FileDescriptorProto(name="row.proto", package="interop", syntax="proto2")
    file.message_type.add().CopyFrom(row_descriptor())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName("interop.Row")
    row_class = message_factory.GetMessageClass(descriptor)
    rows = [row_class(id=f"row {i}", n=i * 2**40, raw=bytes([i, 255]), words=["é"] * i) for i in range(COUNT)]
    return descriptor, [r.SerializeToString() for r in rows]


def json_rows():
    return [json.dumps({"id": f"row {i}", "n": i}) for i in range(COUNT)]


@pytest.fixture(params=[False, True], ids=["plaintext", "tls"])
def emulator(request, tmp_path):
    e = Emulator(BUILD, tmp_path, *(["--tls"] if request.param else []))
    yield e
    assert e.stop() == 0


def check_lake(emulator, client):
    proto = emulator.query(f'SELECT id, n, raw, words FROM "main.interop.{client}_proto" ORDER BY n')
    assert [(i, n, bytes(raw), json.loads(words)) for i, n, raw, words in proto] == [
        (f"row {i}", i * 2**40, bytes([i, 255]), ["é"] * i) for i in range(COUNT)]
    assert emulator.query(f'SELECT id, n FROM "main.interop.{client}_json" ORDER BY n') == [(f"row {i}", i) for i in range(COUNT)]
    # One row, a batch of three, then single rows: a batch has one offset.
    offsets = emulator.query(f'SELECT _wire_offset, count(*) FROM "main.interop.{client}_proto" GROUP BY 1 ORDER BY 1')
    assert offsets == [(0, 1), (1, 3), (2, 1), (3, 1)]


def environment(emulator):
    env = dict(os.environ)
    if emulator.info["ca_pem"]:
        env["SSL_CERT_FILE"] = emulator.info["ca_pem"]
    return env


def test_node_sdk(emulator, tmp_path):
    _, proto = make_rows()
    (tmp_path / "info.json").write_text(json.dumps(emulator.info))
    (tmp_path / "rows.json").write_text(json.dumps({
        "descriptor": base64.b64encode(row_descriptor().SerializeToString()).decode(),
        "proto": [base64.b64encode(r).decode() for r in proto], "json": json_rows()}))
    subprocess.run(["node", HERE / "zerobus_client.js", tmp_path / "info.json", tmp_path / "rows.json"], check=True, timeout=60, env=environment(emulator))
    check_lake(emulator, "node")


def test_python_sdk(emulator):
    # In a process of its own: the SDK reads SSL_CERT_FILE once.
    subprocess.run([sys.executable, __file__, json.dumps(emulator.info)], check=True, timeout=60, env=environment(emulator))
    check_lake(emulator, "python")


def frames(*arguments):
    """What make_rows writes: the descriptor, and for each row the message and its values as JSON."""
    raw, out = subprocess.run([BUILD + "/tests/make_rows", *arguments], stdout=subprocess.PIPE, check=True, timeout=60).stdout, []
    while raw:
        end = 4 + int.from_bytes(raw[:4], "little")
        out.append(raw[4:end])
        raw = raw[end:]
    return out


def test_python_sdk_writes_typed_rows(tmp_path):
    """Rows of random events, and their descriptor, as the library makes them, into a table that the warehouse has made."""
    with Scene(BUILD) as scene:
        columns = subprocess.run([BUILD + "/tests/make_rows", "columns", "random"], stdout=subprocess.PIPE, check=True, timeout=60, text=True).stdout.splitlines()
        scene.sql("CREATE TABLE `main`.`interop`.`typed` (" + ", ".join("`%s` %s" % tuple(line.split(" ", 1)) for line in columns) + ")")
        descriptor, rows = (parts := frames("typed", "random"))[0], parts[1:401:2]
        (tmp_path / "rows.json").write_text(json.dumps([base64.b64encode(part).decode() for part in [descriptor, *rows]]))
        subprocess.run([sys.executable, __file__, json.dumps(scene.emulator.info), tmp_path / "rows.json"], check=True, timeout=60)
        texts = [line.split(" ")[0] for line in columns if line.endswith(" STRING") or line.endswith(" BIGINT") or line.endswith(" INT")]
        stored = scene.emulator.query("SELECT " + ", ".join(f'"{name}"' for name in texts) + ' FROM "main.interop.typed" ORDER BY rowid')
        expected = [json.loads(part) for part in parts[2:402:2]]
        assert len(stored) == len(rows) == 200
        for values, row in zip(stored, expected):
            assert dict(zip(texts, values)) == {name: row.get(name) for name in texts}


def typed_sdk(info, descriptor, *rows):
    from zerobus.sdk.shared import RecordType, StreamConfigurationOptions, TableProperties
    from zerobus.sdk.sync import ZerobusSdk

    file = descriptor_pb2.FileDescriptorProto(name="typed.proto", package="typed", syntax="proto2")
    file.message_type.add().ParseFromString(descriptor)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    message = pool.FindMessageTypeByName("typed." + file.message_type[0].name)
    sdk = ZerobusSdk("http://" + info["zerobus_endpoint"], info["databricks_url"])
    stream = sdk.create_stream("sfcdc-emulator-principal", "sfcdc-emulator-principal-secret", TableProperties("main.interop.typed", message),
                               StreamConfigurationOptions(record_type=RecordType.PROTO))
    stream.ingest_records_offset(list(rows))
    stream.flush()
    stream.close()


def python_sdk(info):
    from zerobus.sdk.shared import RecordType, StreamConfigurationOptions, TableProperties
    from zerobus.sdk.sync import ZerobusSdk

    descriptor, proto = make_rows()
    host = info["zerobus_endpoint"].replace("127.0.0.1", "localhost") if info["tls"] else info["zerobus_endpoint"]
    sdk = ZerobusSdk(("https://" if info["tls"] else "http://") + host, info["databricks_url"])
    for kind, table, records in (
        (RecordType.PROTO, TableProperties("main.interop.python_proto", descriptor), proto),
        (RecordType.JSON, TableProperties("main.interop.python_json"), json_rows()),
    ):
        stream = sdk.create_stream("sfcdc-emulator-principal", "sfcdc-emulator-principal-secret", table, StreamConfigurationOptions(record_type=kind))
        stream.ingest_record_offset(records[0])
        stream.ingest_records_offset(records[1:4])
        stream.flush()
        for record in records[4:]:
            stream.ingest_record_offset(record)
        stream.flush()
        stream.close()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        typed_sdk(json.loads(sys.argv[1]), *map(base64.b64decode, json.loads(pathlib.Path(sys.argv[2]).read_text())))
    else:
        python_sdk(json.loads(sys.argv[1]))
