#!/usr/bin/env python3
"""Writes schemas/*.avsc and events.json: made-up events in the shapes that real ones have.

Nothing here uses the C++ code: schemas, encoder, schema ids, bitmaps and the expected results are this file's own.
Run it after a change and commit what it wrote; `make_golden.py --check` says whether the files are up to date.
"""
import base64
import hashlib
import json
import pathlib
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
PRIMITIVES = {"null", "boolean", "int", "long", "float", "double", "bytes", "string"}

# ---- schemas ------------------------------------------------------------------------------------------------------


def optional(kind):
    return ["null", kind]


def child(name, kind="string"):
    return {"name": name, "type": optional(kind), "default": None}


def body(name, kind, doc):
    return {"name": name, "type": kind if isinstance(kind, list) else optional(kind), "doc": doc, "default": None}


TYPE_OF_DOC = {
    "Data:Boolean": "boolean", "Data:Integer": "int", "Data:Double": "double", "Data:Currency": "double",
    "Data:Percent": "double", "Data:DateTime": "long", "Data:DateOnly": "long", "Data:TimeOnly": "long",
    "Data:Birthday": "long", "CreatedDate:DateTime": "long",
}


def plain(*pairs):
    """(name, doc) pairs; the type follows from the doc's first two segments."""
    return [body(n, TYPE_OF_DOC.get(":".join(d.split(":")[:2]), "string"), d) for n, d in pairs]


def header(year):
    symbols = ["CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE",
               "GAP_OVERFLOW"]
    if year >= 2026:
        change_type = {"type": "enum", "name": "ChangeType", "symbols": symbols + ["SNAPSHOT"]}
    else:
        change_type = {"type": "enum", "name": "ChangeType", "namespace": "", "symbols": symbols}
    strings = {"type": "array", "items": "string"}
    members = [("entityName", "string"), ("recordIds", strings), ("changeType", change_type),
               ("changeOrigin", "string"), ("transactionKey", "string"), ("sequenceNumber", "int"),
               ("commitTimestamp", "long"), ("commitNumber", "long"), ("commitUser", "string"),
               ("nulledFields", strings), ("diffFields", strings), ("changedFields", strings)]
    return {"name": "ChangeEventHeader",
            "type": {"type": "record", "name": "ChangeEventHeader",
                     "fields": [{"name": n, "type": t} for n, t in members]},
            "doc": "Data:ComplexValueType"}


def address(year):
    names = ["Street", "City", "State", "PostalCode", "Country", "StateCode", "CountryCode"]
    tail = ["Xyz", "GeocodeAccuracy"] if year < 2026 else ["GeocodeAccuracy"]
    return {"type": "record", "name": "Address",
            "fields": [child(n) for n in names] + [child("Latitude", "double"), child("Longitude", "double")]
            + [child(n) for n in tail]}


def location(year):
    fields = [child("Latitude", "double"), child("Longitude", "double")]
    return {"type": "record", "name": "Location", "fields": fields + ([child("XyzEncoded")] if year < 2026 else [])}


def person_name(record_name, year):
    names = ["Salutation", "FirstName", "LastName"]
    if year < 2026:
        names += ["MiddleName", "InformalName", "Suffix"]
    return {"type": "record", "name": record_name, "fields": [child(n) for n in names]}


def account(year):
    phone = ("Data:Fax", "Data:Content") if year < 2026 else ("Data:Phone", "Data:Text")
    fields = [header(year),
              body("Name", ["null", "string", person_name("Switchable_PersonName", year)], "Data:Switchable_PersonName")]
    fields += plain(("Type", "Data:DynamicEnum"), ("RecordTypeId", "ForeignKey:EntityId"),
                    ("ParentId", "ForeignKey:EntityId"))
    fields += [body("BillingAddress", address(year), "Data:Address"), body("ShippingAddress", "Address", "Data:Address")]
    fields += plain(
        ("Phone", "Data:Phone"), ("Fax", phone[0]), ("AccountNumber", "Data:Text"), ("Website", "Data:Url"),
        ("Sic", "Data:Text"), ("Industry", "Data:DynamicEnum"), ("AnnualRevenue", "Data:Currency"),
        ("NumberOfEmployees", "Data:Integer"), ("Ownership", "Data:DynamicEnum"), ("TickerSymbol", phone[1]),
        ("Description", "Data:StringPlusClob"), ("Rating", "Data:DynamicEnum"), ("Site", "Data:Text"),
        ("OwnerId", "ForeignKey:EntityId"), ("CreatedDate", "CreatedDate:DateTime"),
        ("CreatedById", "CreatedBy:EntityId"), ("LastModifiedDate", "Data:DateTime"),
        ("LastModifiedById", "ForeignKey:EntityId"), ("PersonContactId", "ForeignKey:EntityId"))
    fields += [body("PersonMailingAddress", "Address", "Data:Address"),
               body("PersonOtherAddress", "Address", "Data:Address")]
    fields += plain(
        ("PersonMobilePhone", "Data:Phone"), ("PersonHomePhone", "Data:Phone"), ("PersonOtherPhone", "Data:Phone"),
        ("PersonAssistantPhone", "Data:Phone"), ("PersonEmail", "Data:Email"), ("PersonTitle", "Data:Text"),
        ("PersonDepartment", "Data:Text"), ("PersonAssistantName", "Data:Text"), ("PersonLeadSource", "Data:DynamicEnum"),
        ("PersonBirthdate", "Data:Birthday" if year < 2026 else "Data:DateOnly"),
        ("PersonHasOptedOutOfEmail", "Data:Boolean"), ("PersonHasOptedOutOfFax", "Data:Boolean"),
        ("PersonDoNotCall", "Data:Boolean"), ("PersonLastCURequestDate", "Data:DateTime"),
        ("PersonLastCUUpdateDate", "Data:DateTime"), ("PersonEmailBouncedReason", "Data:Text"),
        ("PersonEmailBouncedDate", "Data:DateTime"), ("PersonIndividualId", "ForeignKey:EntityId"),
        ("PersonPronouns", "Data:DynamicEnum"), ("PersonGenderIdentity", "Data:DynamicEnum"), ("Jigsaw", "Data:Text"),
        ("JigsawCompanyId", "ExternalForeignKey:ExternalId"), ("CleanStatus", "Data:StaticEnum"),
        ("AccountSource", "Data:DynamicEnum"), ("DunsNumber", "Data:Text"), ("Tradestyle", "Data:Text"),
        ("NaicsCode", "Data:Text"), ("NaicsDesc", "Data:Text"), ("YearStarted", "Data:Text"), ("SicDesc", "Data:Text"),
        ("DandbCompanyId", "ForeignKey:EntityId"), ("OperatingHoursId", "ForeignKey:EntityId"))
    # The custom fields, 26 of them as in the orgs seen; the numbers in their docs are made up.
    customs = [("Segment__c", "DynamicEnum"), ("Tier__c", "DynamicEnum"), ("Strategic__c", "DynamicEnum"),
               ("Warehouses__c", "Double"), ("Renewal_Chance__c", "DynamicEnum"), ("Contract_Number__c", "Text"),
               ("Contract_End__c", "DateOnly"), ("Hotline__c", "Phone"), ("Credit_Limit__c", "Currency"),
               ("Last_Visit__c", "DateTime"), ("Next_Audit__c", "DateOnly"), ("Invoice_Email__c", "Email"),
               ("Depot__c", "Location"), ("Score__c", "Double"), ("Discount__c", "Percent"), ("Mood__c", "DynamicEnum"),
               ("Languages__c", "MultiEnum"), ("Nickname__c", "Text"), ("Notes__c", "HtmlStringPlusClob"),
               ("Opens_At__c", "TimeOnly"), ("Portal__c", "Url"), ("External_Key__c", "Text"), ("Blocked__c", "Boolean"),
               ("Grade__pc", "DynamicEnum"), ("Hobbies__pc", "MultiEnum"), ("External_Key__pc", "Text")]
    for n, (name, kind) in enumerate(customs):
        doc = "Data:%s:00Nxx0000004%03d" % (kind, n)
        fields.append(body(name, location(year), doc) if kind == "Location" else plain((name, doc))[0])
    assert len(fields) == 86
    return event_schema("AccountChangeEvent", fields)


def contact():
    fields = [header(2026)] + plain(("AccountId", "ForeignKey:EntityId"), ("IsPersonAccount", "Data:Boolean"))
    fields += [body("Name", person_name("PersonName", 2026), "Data:PersonName"),
               body("OtherAddress", address(2026), "Data:Address"), body("MailingAddress", "Address", "Data:Address")]
    fields += plain(
        ("Phone", "Data:Phone"), ("Fax", "Data:Phone"), ("MobilePhone", "Data:Phone"), ("ReportsToId", "ForeignKey:EntityId"),
        ("Email", "Data:Email"), ("Title", "Data:Text"), ("Department", "Data:Text"), ("LeadSource", "Data:DynamicEnum"),
        ("Birthdate", "Data:DateOnly"), ("Description", "Data:StringPlusClob"), ("OwnerId", "ForeignKey:EntityId"),
        ("HasOptedOutOfEmail", "Data:Boolean"), ("DoNotCall", "Data:Boolean"), ("CreatedDate", "CreatedDate:DateTime"),
        ("CreatedById", "CreatedBy:EntityId"), ("LastModifiedDate", "Data:DateTime"),
        ("LastModifiedById", "ForeignKey:EntityId"), ("CleanStatus", "Data:StaticEnum"),
        ("Seniority__c", "Data:DynamicEnum:00Nxx0000004500"))
    return event_schema("ContactChangeEvent", fields)


def custom_object():
    fields = [header(2026)] + plain(
        ("OwnerId", "ForeignKey:EntityId"), ("Name", "Data:Text"), ("CreatedDate", "CreatedDate:DateTime"),
        ("CreatedById", "CreatedBy:EntityId"), ("LastModifiedDate", "Data:DateTime"),
        ("LastModifiedById", "ForeignKey:EntityId"), ("Insured__c", "Data:Boolean:00Nxx0000004600"),
        ("Freight__c", "Data:Currency:00Nxx0000004601"), ("Due__c", "Data:DateOnly:00Nxx0000004602"),
        ("Shipped__c", "Data:DateTime:00Nxx0000004603"))
    fields += [body("From__c", location(2026), "Data:Location:00Nxx0000004604"),
               body("To__c", "Location", "Data:Location:00Nxx0000004605")]
    fields += plain(("Weight__c", "Data:Double:00Nxx0000004606"), ("Carrier__c", "Data:DynamicEnum:00Nxx0000004607"),
                    ("Seal__c", "Data:EncryptedText:00Nxx0000004608"), ("Pickup__c", "Data:TimeOnly:00Nxx0000004609"))
    return event_schema("Shipment__ChangeEvent", fields)


def platform_event():
    return event_schema("Door_Opened__e", [
        {"name": "CreatedDate", "type": "long", "doc": "CreatedDate:DateTime"},
        {"name": "CreatedById", "type": "string", "doc": "CreatedBy:EntityId"}] + plain(
            ("Door__c", "Data:Text:00Nxx0000004700"), ("Seconds__c", "Data:Double:00Nxx0000004701"),
            ("Forced__c", "Data:Boolean:00Nxx0000004702")))


def event_schema(name, fields):
    return {"type": "record", "name": name, "namespace": "com.sforce.eventbus", "fields": fields}


# The example of the public documentation, byte for byte: its id came from Salesforce, not from this file.
ORDER_EVENT = ('{"type":"record","name":"Order_Event__e","namespace":"com.sforce.eventbus","fields":[{"name":"CreatedDate",'
               '"type":"long","doc":"CreatedDate:DateTime"},{"name":"CreatedById","type":"string","doc":"CreatedBy:EntityId"},'
               '{"name":"Order_Number__c","type":["null","string"],"doc":"Data:Text:00NgL00000vXMFS","default":null},'
               '{"name":"City__c","type":["null","string"],"doc":"Data:Text:00NgL00000vXNGM","default":null},'
               '{"name":"Amount__c","type":["null","double"],"doc":"Data:Double:00NgL00000vXNVG","default":null}]}')
ORDER_EVENT_ID = "_CADE3qaegX3ECEW0rlbYA"


def name_first(schema):
    """The form of the REST resource: another order of keys, and the id as an extra attribute."""
    if isinstance(schema, list):
        return [name_first(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    order = sorted(schema, key=lambda k: {"name": 0, "namespace": 1, "type": 2}.get(k, 3))
    return {k: name_first(schema[k]) if k in ("type", "fields", "items") else schema[k] for k in order}


# ---- schema id ----------------------------------------------------------------------------------------------------


def canonical(t, space=""):
    if isinstance(t, str):
        return '"%s"' % (t if t in PRIMITIVES or "." in t or not space else space + "." + t)
    if isinstance(t, list):
        return "[" + ",".join(canonical(b, space) for b in t) + "]"
    kind = t["type"]
    if kind == "array":
        return '{"type":"array","items":%s}' % canonical(t["items"], space)
    space = t.get("namespace", space)
    full = space + "." + t["name"] if space else t["name"]
    if kind == "enum":
        return '{"name":"%s","type":"enum","symbols":[%s]}' % (full, ",".join('"%s"' % s for s in t["symbols"]))
    assert kind == "record"
    return '{"name":"%s","type":"record","fields":[%s]}' % (
        full, ",".join('{"name":"%s","type":%s}' % (f["name"], canonical(f["type"], space)) for f in t["fields"]))


def schema_id(schema):
    return base64.urlsafe_b64encode(hashlib.md5(canonical(schema).encode()).digest()).decode().rstrip("=")


# ---- Avro encoder -------------------------------------------------------------------------------------------------


def long_bytes(n):
    n = (n << 1) ^ (n >> 63)
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def text_bytes(s):
    raw = s.encode()
    return long_bytes(len(raw)) + raw


def named_types(t, found):
    if isinstance(t, list):
        for b in t:
            named_types(b, found)
    elif isinstance(t, dict):
        if t.get("type") in ("record", "enum"):
            found[t["name"]] = t
        for f in t.get("fields", []):
            named_types(f["type"], found)
    return found


def encode(t, v, names):
    if isinstance(t, list):
        for i, b in enumerate(t):
            r = names.get(b, b) if isinstance(b, str) else b
            record = isinstance(r, dict)
            if (v is None) == (r == "null") and (v is None or isinstance(v, dict) == record):
                return long_bytes(i) + (b"" if v is None else encode(b, v, names))
        raise ValueError((t, v))
    if isinstance(t, str) and t in names:
        t = names[t]
    if t == "string":
        return text_bytes(v)
    if t in ("int", "long"):
        return long_bytes(v)
    if t == "boolean":
        return b"\1" if v else b"\0"
    if t == "double":
        return struct.pack("<d", v)
    if t["type"] == "enum":
        return long_bytes(t["symbols"].index(v))
    if t["type"] == "array":
        return (long_bytes(len(v)) + b"".join(encode(t["items"], i, names) for i in v) if v else b"") + b"\0"
    assert t["type"] == "record"
    assert set(v) <= {f["name"] for f in t["fields"]}, v
    return b"".join(encode(f["type"], v.get(f["name"]), names) for f in t["fields"])


# ---- bitmaps and the expected result --------------------------------------------------------------------------------


def hexadecimal(positions):
    """As Salesforce writes it: the fewest whole bytes, upper case."""
    value = sum(1 << p for p in positions)
    digits = "%X" % value
    return "0x" + "0" * (len(digits) % 2) + digits


class Shape:
    """A schema with what bitmaps and expected results need: positions of fields and of the children of records."""

    def __init__(self, file, schema):
        self.file, self.schema, self.id = file, schema, schema_id(schema)
        self.names = named_types(schema, {})
        self.fields = [f["name"] for f in schema["fields"]]
        self.children = {}
        for f in schema["fields"]:
            for b in f["type"] if isinstance(f["type"], list) else [f["type"]]:
                record = self.names.get(b) if isinstance(b, str) else b if b.get("type") == "record" else None
                if record:
                    self.children[f["name"]] = [c["name"] for c in record["fields"]]

    def elements(self, dotted):
        """Names -> array elements, the top-level one first."""
        top = [self.fields.index(n) for n in dotted if "." not in n]
        out = [hexadecimal(top)] if top else []
        for parent in self.fields:
            mine = [n.split(".")[1] for n in dotted if n.startswith(parent + ".")]
            if mine:
                out.append("%d-%s" % (self.fields.index(parent), hexadecimal(self.children[parent].index(c) for c in mine)))
        return out

    def in_order(self, dotted):
        every = self.fields + [p + "." + c for p in self.fields for c in self.children.get(p, [])]
        assert set(dotted) <= set(every)
        return [n for n in every if n in dotted]


def record_id(prefix, number):
    """15 characters and the 3 that spell their upper case."""
    base = prefix + "xx" + "%09d" % number + "G"
    base = base[:15]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    return base + "".join(letters[sum((base[i * 5 + k].isupper()) << k for k in range(5))] for i in range(3))


def stated_body(shape, head, values, touched):
    """What the event says of each field: a value, null (cleared or empty), or nothing."""
    kind = head["changeType"] if head else "CREATE"
    whole = kind in ("CREATE", "UNDELETE", "SNAPSHOT")
    out = {}
    for name in shape.fields[1 if head else 0:]:
        value = values.get(name)
        listed = kind == "UPDATE" and name in touched
        inside = {c: kind == "UPDATE" and name + "." + c in touched for c in shape.children.get(name, [])}
        if isinstance(value, dict):
            out[name] = {c: value.get(c) for c in shape.children[name]
                         if value.get(c) is not None or whole or listed or inside[c]}
        elif value is not None:
            out[name] = value
        elif whole or listed:
            out[name] = None
        elif any(inside.values()):
            out[name] = {c: None for c in shape.children[name] if inside[c]}
    return out


def event(what, shape, values, kind=None, ids=(), entity=None, changed=(), nulled=(), diff=(), raw=None, seq=1,
          origin="com/salesforce/api/soap/66.0;client=GoldenClient/", number=12279600000000, second=1760000000,
          user=record_id("005", 7), key="0000feed-0000-4000-8000-000000000000"):
    """raw: array elements to write in place of the usual ones; they must stand for the same fields."""
    head = None
    if kind:
        raw = raw or {}
        head = {"entityName": entity, "recordIds": list(ids), "changeType": kind, "changeOrigin": origin,
                "transactionKey": key, "sequenceNumber": seq, "commitTimestamp": second * 1000,
                "commitNumber": number, "commitUser": user,
                "nulledFields": raw.get("nulled", shape.elements(nulled)),
                "diffFields": raw.get("diff", shape.elements(diff)),
                "changedFields": raw.get("changed", shape.elements(changed))}
    datum = dict(values, ChangeEventHeader=head) if head else values
    payload = encode(shape.schema, datum, shape.names)
    return {"what": what, "schema_file": shape.file, "schema_id": shape.id, "payload": base64.b64encode(payload).decode(),
            "expect": {"header": head or {}, "changed": shape.in_order(changed), "nulled": shape.in_order(nulled),
                       "diff": shape.in_order(diff), "body": stated_body(shape, head, values, set(changed) | set(nulled))}}


def make_events(shapes):
    old, new, person, shipment, door, order = (shapes[n] for n in (
        "AccountChangeEvent.2023", "AccountChangeEvent.2026", "ContactChangeEvent", "Shipment__ChangeEvent", "Door_Opened__e",
        "Order_Event__e"))
    a, b, c = (record_id("001", n) for n in (11, 12, 13))
    owner = record_id("005", 7)
    modified = 1760000000000
    account = dict(entity="Account", kind="UPDATE")
    events = [
        event("one child of an address, and the time of the change", new,
              {"ShippingAddress": {"Street": "7 Harbour Row"}, "LastModifiedDate": modified}, ids=[a],
              changed=["LastModifiedDate", "ShippingAddress.Street"], **account),
        event("a lone nested element: the geocoder's background change", new,
              {"ShippingAddress": {"Latitude": 53.551086, "Longitude": 9.993682}}, ids=[a], origin="",
              user=record_id("005", 1), second=1760000001, changed=["ShippingAddress.Latitude", "ShippingAddress.Longitude"],
              **account),
        event("a bitmap wider than 64 bits", new, {"LastModifiedDate": modified, "Credit_Limit__c": 3233.0}, ids=[a],
              changed=["LastModifiedDate", "Credit_Limit__c"], **account),
    ]
    for n, rid in enumerate((a, b, c), 1):
        events.append(event(
            "insert of three accounts, event %d" % n, old,
            {"Name": "Golden Goods %d" % n, "RecordTypeId": record_id("012", 3), "BillingAddress": {"Country": "Norway", "CountryCode": "NO"},
             "ShippingAddress": {"Country": "Norway", "CountryCode": "NO"}, "Phone": "+47 00 0%d" % n, "OwnerId": owner,
             "CreatedDate": 1690000000000, "CreatedById": owner, "LastModifiedDate": 1690000000000, "LastModifiedById": owner,
             "CleanStatus": "Pending", "Strategic__c": "Yes" if n == 1 else "No", "Invoice_Email__c": "bills%d@example.com" % n,
             "Blocked__c": True},
            kind="CREATE", entity="Account", ids=[rid], seq=n, number=287800000001, second=1690000000,
            origin="com/salesforce/api/soap/58.0;client=devconsole"))
    split = dict(account, number=287800000099, second=1690000500, origin="com/salesforce/api/soap/58.0;client=devconsole")
    events += [
        event("split update: what two records have in common", old, {"LastModifiedDate": 1690000500000}, ids=[a, b],
              changed=["LastModifiedDate"], **split),
        event("split update: the first record's own fields", old, {"Invoice_Email__c": "new@example.com", "Blocked__c": False},
              ids=[a], seq=2, changed=["Invoice_Email__c", "Blocked__c"], **split),
        event("split update: the second record's own field", old, {"Invoice_Email__c": "other@example.org"}, ids=[b], seq=3,
              changed=["Invoice_Email__c"], **split),
        event("update of twenty records", new, {"LastModifiedDate": modified}, ids=[record_id("001", 100 + i) for i in range(20)],
              changed=["LastModifiedDate"], **account),
        event("update of twenty records, a second field, by an app whose name makes a length of two bytes", new,
              {"CleanStatus": "Preferred"}, seq=2, origin="com/salesforce/api/bulkapi/66.0;client=Long Name Of A Connected App/",
              ids=[record_id("001", 100 + i) for i in range(20)], changed=["CleanStatus"], **account),
        event("a changed name: the string branch of three", old, {"Name": "Golden Goods and Daughters", "LastModifiedDate": modified},
              ids=[a], changed=["Name", "LastModifiedDate"], **account),
        event("a changed name, another transaction", old, {"Name": "Golden Goods & Sons", "LastModifiedDate": modified + 5000}, ids=[a],
              changed=["Name", "LastModifiedDate"], key="0000feed-0000-4000-8000-000000000001", **account),
        event("custom object, commit number above 2^53", shipment, {"LastModifiedDate": modified, "Carrier__c": "sea"},
              kind="UPDATE", entity="Shipment__c", ids=[record_id("a21", 5)], number=1760000000123456789,
              changed=["LastModifiedDate", "Carrier__c"]),
        event("deleted", new, {}, kind="DELETE", entity="Account", ids=[a]),
        event("undeleted", shipment, {"Name": "S-0001", "OwnerId": owner, "From__c": {"Latitude": -0.0, "Longitude": 180.0},
                                      "Insured__c": False, "Freight__c": 0.1, "Due__c": 1760054400000, "Pickup__c": 27000000},
              kind="UNDELETE", entity="Shipment__c", ids=[record_id("a21", 5)]),
        event("a gap: read the record again", new, {}, kind="GAP_UPDATE", entity="Account", ids=[a, b], origin="", seq=19),
        event("overflow: no record of its own", new, {}, kind="GAP_OVERFLOW", entity="Account", ids=["000000000000000AAA"], origin=""),
        event("conversion of a field's type: every record", old, {}, kind="GAP_UPDATE", entity="Account", ids=["001*"], origin=""),
        event("snapshot, a symbol that came later", person,
              {"Name": {"FirstName": "Ada", "LastName": "Example"}, "Birthdate": -86400000},
              kind="SNAPSHOT", entity="Contact", ids=[record_id("003", 2)]),
        event("cleared fields, top level", new, {"LastModifiedDate": modified}, ids=[a], changed=["Phone", "Website", "LastModifiedDate"],
              nulled=["Phone", "Website"], **account),
        event("cleared child of an address that keeps others", person,
              {"MailingAddress": {"City": "Bergen"}, "LastModifiedDate": modified}, kind="UPDATE", entity="Contact",
              ids=[record_id("003", 2)], changed=["LastModifiedDate", "MailingAddress.Street", "MailingAddress.City"],
              nulled=["MailingAddress.Street"]),
        event("cleared children of compounds that are null themselves", person, {}, kind="UPDATE", entity="Contact",
              ids=[record_id("003", 2)], changed=["Name.Salutation", "OtherAddress.Street", "OtherAddress.City"],
              nulled=["Name.Salutation", "OtherAddress.Street", "OtherAddress.City"]),
        event("nulled fields with empty bitmaps in front", person, {"LastModifiedDate": modified}, kind="UPDATE", entity="Contact",
              ids=[record_id("003", 2)], changed=["LastModifiedDate", "OtherAddress.Street"], nulled=["OtherAddress.Street"],
              raw={"nulled": ["0x", "4-0x01"], "changed": ["4-0x01", "0x00" + hexadecimal([person.fields.index("LastModifiedDate")])[2:].lower()]}),
        event("a diff in place of a long text", new,
              {"Description": "--- \n+++ " + "0f" * 32 + "\n@@ -2,1 +2,1 @@\n-old line\n+new line\n", "LastModifiedDate": modified},
              ids=[a], changed=["Description", "LastModifiedDate"], diff=["Description"], **account),
        event("person account: the record branch of the name", old,
              {"Name": {"Salutation": "Dr.", "FirstName": "Mio", "LastName": "Sample", "Suffix": "III"}, "LastModifiedDate": modified},
              ids=[c], changed=["LastModifiedDate", "Name.Salutation", "Name.FirstName", "Name.LastName", "Name.MiddleName",
                                "Name.InformalName", "Name.Suffix"], **account),
        event("letters beyond ASCII, quotes, control characters", new,
              {"Name": "Zoë \"Bär\" \\ 東京 🚢 \u0001\t\u2028", "LastModifiedDate": modified, "Site": ""}, ids=[b],
              changed=["Name", "LastModifiedDate", "Site"], **account),
        event("enriched: a value that did not change", new, {"Phone": "+47 00 01", "LastModifiedDate": modified, "Industry": "Shipping"},
              ids=[a], changed=["Phone", "LastModifiedDate"], **account),
        event("numbers at their ends", shipment,
              {"Freight__c": 1.7976931348623157e308, "Weight__c": 5e-324, "Due__c": -9223372036854775808, "Shipped__c": 9223372036854775807,
               "Pickup__c": 0, "To__c": {"Latitude": -33.9, "Longitude": 151.2}},
              kind="CREATE", entity="Shipment__c", ids=[record_id("a21", 6)], number=9223372036854775807, second=0, seq=-2147483648),
        event("platform event", door, {"CreatedDate": modified, "CreatedById": owner, "Door__c": "north", "Seconds__c": 2.5}),
        event("platform event of the documentation", order, {"CreatedDate": modified, "CreatedById": owner, "Order_Number__c": "10042",
                                                           "City__c": "Ålesund", "Amount__c": 99.95}),
    ]
    return events


def main():
    schemas = {"AccountChangeEvent.2023": account(2023), "AccountChangeEvent.2026": account(2026), "ContactChangeEvent": contact(),
               "Shipment__ChangeEvent": custom_object(), "Door_Opened__e": platform_event(),
               "Order_Event__e": json.loads(ORDER_EVENT)}
    shapes = {name: Shape(name + ".avsc", schema) for name, schema in schemas.items()}
    assert shapes["Order_Event__e"].id == ORDER_EVENT_ID
    files = {}
    for name, schema in schemas.items():
        if name == "ContactChangeEvent":
            text = json.dumps(dict(name_first(schema), uuid=shapes[name].id), indent=2)
        elif name == "Order_Event__e":
            text = ORDER_EVENT
        elif name.endswith("2023"):
            text = json.dumps(schema, indent=1)
        else:
            text = json.dumps(schema, separators=(",", ":"))
        files["schemas/" + name + ".avsc"] = text + "\n"
    files["events.json"] = json.dumps(make_events(shapes), indent=1, ensure_ascii=False) + "\n"
    stale = [f for f in files if not (HERE / f).exists() or (HERE / f).read_text(encoding="utf-8") != files[f]]
    if sys.argv[1:] == ["--check"]:
        print("\n".join("out of date: " + f for f in stale) or "up to date")
        return 1 if stale else 0
    (HERE / "schemas").mkdir(exist_ok=True)
    for f in stale:
        (HERE / f).write_text(files[f], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
