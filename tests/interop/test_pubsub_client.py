"""A Pub/Sub client as a Python user writes one: generated from proto/, decoding with the official avro package and the
bitmap rules of Salesforce's guide. What it sees of every event must be what `sfcdc decode` prints."""
import base64
import io
import json
import os
import queue
import urllib.parse
import urllib.request

import avro.io
import avro.schema
import grpc
import pubsub_api_pb2 as pb
import pubsub_api_pb2_grpc as pb_grpc
import pytest
from harness import Emulator, decode

BUILD = os.environ["SFCDC_BUILD"]
EVENTS = 3000


class Client:
    def __init__(self, info):
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": "sfcdc-emulator-client", "client_secret": "sfcdc-emulator-secret"})
        with urllib.request.urlopen(info["salesforce_url"] + "/services/oauth2/token", form.encode()) as answer:
            token = json.load(answer)
        org = token["id"].split("/")[-2]
        self.metadata = (("accesstoken", token["access_token"]), ("instanceurl", token["instance_url"]), ("tenantid", org))
        self.stub = pb_grpc.PubSubStub(grpc.insecure_channel(info["pubsub_endpoint"]))
        self.schemas = {}

    def schema(self, schema_id):
        if schema_id not in self.schemas:
            text = self.stub.GetSchema(pb.SchemaRequest(schema_id=schema_id), metadata=self.metadata).schema_json
            self.schemas[schema_id] = (text, avro.schema.parse(text))
        return self.schemas[schema_id]

    def subscribe(self, topic, count):
        """The first `count` events of a topic, asked for 100 at a time."""
        requests = queue.Queue()
        requests.put(pb.FetchRequest(topic_name=topic, replay_preset=pb.EARLIEST, num_requested=100))
        events = []
        call = self.stub.Subscribe(iter(requests.get, None), metadata=self.metadata)
        for response in call:
            events.extend(response.events)
            if len(events) >= count:
                break
            if response.pending_num_requested == 0:
                requests.put(pb.FetchRequest(topic_name=topic, num_requested=100))
        requests.put(None)
        call.cancel()
        return events[:count]


def record_of(schema):
    """The record behind a type or a union, or None."""
    branches = schema.schemas if schema.type == "union" else [schema]
    return next((b for b in branches if b.type == "record"), None)


def names(schema, elements):
    found = []
    for element in elements:
        prefix, record = "", schema
        if "-" in element:
            position, element = element.split("-", 1)
            parent = schema.fields[int(position)]
            prefix, record = parent.name + ".", record_of(parent.type)
        bits = int(element[2:] or "0", 16)
        found += [prefix + record.fields[i].name for i in range(bits.bit_length()) if bits >> i & 1]
    return found


def view(schema, payload):
    """An event as sfcdc decode shows it."""
    datum = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(io.BytesIO(payload)))
    header = datum.pop("ChangeEventHeader", {})
    lists = {short: names(schema, header.get(long, [])) for short, long in (("changed", "changedFields"), ("nulled", "nulledFields"), ("diff", "diffFields"))}
    listed = set(lists["changed"]) | set(lists["nulled"])
    change = header.get("changeType", "CREATE")  # a platform event is whole
    whole = change in ("CREATE", "UNDELETE", "SNAPSHOT")

    def stated(name, value, parent=None):
        return value is not None or whole or (change == "UPDATE" and (name in listed or parent in listed))

    body = {}
    for field in schema.fields:
        name = field.name
        if name == "ChangeEventHeader":
            continue
        value = datum[name]
        record = record_of(field.type)
        if isinstance(value, dict):
            body[name] = {k: v for k, v in value.items() if stated(f"{name}.{k}", v, name)}
        elif value is None and record and change == "UPDATE" and name not in listed and any(f"{name}.{c.name}" in listed for c in record.fields):
            cleared = {c.name: None for c in record.fields if f"{name}.{c.name}" in listed}
            body[name] = cleared if len(cleared) < len(record.fields) else None
        elif stated(name, value):
            body[name] = value
    return {"header": header, **lists, "body": body}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """The emulator's events as the client received them: [(topic, event)]."""
    emulator = Emulator(BUILD, tmp_path_factory.mktemp("pubsub"), "--seed", 31)
    emulator.publish(EVENTS)
    told = emulator.published()
    client = Client(emulator.info)
    cdc = [e for e in told if e["topic"].startswith("/data/")]
    orders = [e for e in told if e["topic"] == "/event/Order_Event__e"]
    events = [("/data/ChangeEvents", e) for e in client.subscribe("/data/ChangeEvents", len(cdc))]
    events += [("/event/Order_Event__e", e) for e in client.subscribe("/event/Order_Event__e", len(orders))]
    for _, e in events:
        client.schema(e.event.schema_id)
    yield client, events, cdc, orders
    assert emulator.stop() == 0


def test_the_client_sees_every_event_in_order(seen):
    _, events, cdc, orders = seen
    assert [e.replay_id.hex() for _, e in events] == [e["replay_id"] for e in cdc + orders]
    assert [e.event.id for _, e in events] == [e["event_id"] for e in cdc + orders]


def test_several_schemas_and_shapes_are_among_them(seen):
    client, events, _, _ = seen
    assert len(client.schemas) >= 5
    kinds = {view(client.schema(e.event.schema_id)[1], e.event.payload)["header"].get("changeType") for _, e in events}
    assert {"CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_UPDATE", None} <= kinds


def test_sfcdc_decode_sees_every_event_as_the_official_packages_do(seen, tmp_path):
    client, events, _, _ = seen
    compared = 0
    for schema_id, (text, schema) in client.schemas.items():
        payloads = [e.event.payload for _, e in events if e.event.schema_id == schema_id]
        file = tmp_path / f"{schema_id}.avsc"
        file.write_text(text, encoding="utf-8")
        code, out, err = decode(BUILD, "--schema", file, "--in", "base64", stdin=b"\n".join(map(base64.b64encode, payloads)))
        assert (code, err) == (0, "")
        lines = out.splitlines()
        assert len(lines) == len(payloads)
        for payload, line in zip(payloads, lines):
            assert json.loads(line) == view(schema, payload)
            compared += 1
    assert compared == EVENTS


def test_get_topic_of_a_channel_has_no_schema_and_that_of_an_entity_has(seen):
    client, *_ = seen
    assert client.stub.GetTopic(pb.TopicRequest(topic_name="/data/ChangeEvents"), metadata=client.metadata).schema_id == ""
    assert len(client.stub.GetTopic(pb.TopicRequest(topic_name="/data/ContactChangeEvent"), metadata=client.metadata).schema_id) == 22
