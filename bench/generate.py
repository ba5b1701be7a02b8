#!/usr/bin/env python3
"""Makes the data on which decoders are compared: change events of an Account-like object, and their bitmaps.

usage: generate.py FOLDER [--events N] [--seed N]

  schema_std.json, schema_wide.json   72 fields; the same and 300 custom fields
  {std,wide}_{update,create,mix}.bin  for each event a 32-bit little-endian length, then the Avro datum
  bitmaps_{std,wide}.txt              one changedFields element a line

UPDATE: 3 changed fields, the usual event. CREATE: 60 % of the fields filled, at random, the hard case for branch
prediction. mix: 80 % UPDATE, 15 % CREATE, 5 % DELETE. The same seed gives the same bytes on every machine: of Python's
generator only random() is used, which is fixed for all versions.
"""
import argparse
import json
import pathlib
import random
import struct
import sys

STRING, DOUBLE, INT, BOOLEAN = ["null", "string"], ["null", "double"], ["null", "int"], ["null", "boolean"]
DATE = ["null", {"type": "int", "logicalType": "date"}]
TIMESTAMP = ["null", {"type": "long", "logicalType": "timestamp-millis"}]
CHANGE_TYPES = ["CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE",
                "GAP_OVERFLOW"]
HEADER = {"type": "record", "name": "ChangeEventHeader", "fields": [
    {"name": "entityName", "type": "string"},
    {"name": "recordIds", "type": {"type": "array", "items": "string"}},
    {"name": "changeType", "type": {"type": "enum", "name": "ChangeType", "symbols": CHANGE_TYPES}},
    {"name": "changeOrigin", "type": "string"},
    {"name": "transactionKey", "type": "string"},
    {"name": "sequenceNumber", "type": "int"},
    {"name": "commitTimestamp", "type": "long"},
    {"name": "commitNumber", "type": "long"},
    {"name": "commitUser", "type": "string"},
    {"name": "nulledFields", "type": {"type": "array", "items": "string"}},
    {"name": "diffFields", "type": {"type": "array", "items": "string"}},
    {"name": "changedFields", "type": {"type": "array", "items": "string"}}]}
ADDRESS_FIELDS = [("Street", STRING), ("City", STRING), ("State", STRING), ("PostalCode", STRING), ("Country", STRING),
                  ("Latitude", DOUBLE), ("Longitude", DOUBLE), ("Xyz", STRING), ("GeocodeAccuracy", STRING)]
ADDRESS = {"type": "record", "name": "Address", "fields": [{"name": n, "type": t} for n, t in ADDRESS_FIELDS]}
PERSON_NAME = {"type": "record", "name": "Switchable_PersonName", "fields": [
    {"name": n, "type": STRING}
    for n in ("Salutation", "FirstName", "LastName", "MiddleName", "InformalName", "Suffix")]}


def texts(names):
    return [(name, STRING) for name in names.split()]


STD = [("ChangeEventHeader", HEADER), ("Name", ["null", "string", PERSON_NAME]), *texts("Type ParentId"),
       ("BillingAddress", ["null", ADDRESS]), ("ShippingAddress", ["null", "Address"]),
       *texts("Phone Fax AccountNumber Website PhotoUrl Sic Industry"),
       ("AnnualRevenue", DOUBLE), ("NumberOfEmployees", INT),
       *texts("Ownership TickerSymbol Description Rating Site OwnerId"),
       ("CreatedDate", TIMESTAMP), ("CreatedById", STRING),
       ("LastModifiedDate", TIMESTAMP), ("LastModifiedById", STRING), ("LastActivityDate", DATE),
       *texts("Jigsaw JigsawCompanyId CleanStatus AccountSource DunsNumber Tradestyle NaicsCode NaicsDesc YearStarted "
              "SicDesc DandbCompanyId OperatingHoursId CurrencyIsoCode RecordTypeId"),
       ("IsPartner", BOOLEAN), ("IsCustomerPortal", BOOLEAN), ("IsExcludedFromRealign", BOOLEAN), ("IsBuyer", BOOLEAN),
       *texts("ChannelProgramName ChannelProgramLevelName"), ("IsPersonAccount", BOOLEAN), ("PersonContactId", STRING),
       ("PersonMailingAddress", ["null", "Address"]), ("PersonOtherAddress", ["null", "Address"]),
       *texts("PersonMobilePhone PersonHomePhone PersonOtherPhone PersonAssistantPhone PersonEmail PersonTitle "
              "PersonDepartment PersonAssistantName PersonLeadSource"),
       ("PersonBirthdate", DATE), ("PersonHasOptedOutOfEmail", BOOLEAN), ("PersonHasOptedOutOfFax", BOOLEAN),
       ("PersonDoNotCall", BOOLEAN), ("PersonLastCURequestDate", TIMESTAMP), ("PersonLastCUUpdateDate", TIMESTAMP),
       ("PersonEmailBouncedReason", STRING), ("PersonEmailBouncedDate", TIMESTAMP),
       *texts("PersonIndividualId PersonPronouns PersonGenderIdentity Tier ActivityMetricId")]
CUSTOM_TYPES = [STRING, STRING, STRING, STRING, DOUBLE, DOUBLE, BOOLEAN, TIMESTAMP, DATE, STRING]
WIDE = STD + [(f"Custom_Field_{i}__c", CUSTOM_TYPES[i % 10]) for i in range(300)]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ("acme global industries software the of and energy west partner team north services group data cloud sales "
         "enterprise account region quarterly review contact street avenue München São résumé").split()


# ---- Avro's binary encoding, as far as the schema above needs it -------------------------------------------------

def encode_long(value):
    raw = (value << 1) ^ (value >> 63)
    out = bytearray()
    while raw >= 0x80:
        out.append(raw & 0x7F | 0x80)
        raw >>= 7
    out.append(raw)
    return bytes(out)


def encode_text(value):
    raw = value.encode()
    return encode_long(len(raw)) + raw


def encode_texts(values):
    return (encode_long(len(values)) + b"".join(map(encode_text, values)) if values else b"") + b"\0"


ENCODERS = {"string": encode_text, "double": struct.Struct("<d").pack, "int": encode_long, "long": encode_long,
            "boolean": lambda v: b"\1" if v else b"\0"}


def encode_optional(union, value):
    """A value of a union whose first branch is null; texts of the three-branch union are its second branch too."""
    if value is None:
        return b"\0"
    branch = union[1]
    name = branch["type"] if isinstance(branch, dict) else branch
    if name in ("record", "Address"):
        return b"\2" + b"".join(encode_optional(t, value[n]) for n, t in ADDRESS_FIELDS)
    return b"\2" + ENCODERS[name](value)


# ---- values ------------------------------------------------------------------------------------------------------

class Dice:
    def __init__(self, seed):
        self.random = random.Random(seed).random

    def between(self, low, high):
        return low + int(self.random() * (high - low + 1))

    def chance(self, share):
        return self.random() < share

    def pick(self, items):
        return items[int(self.random() * len(items))]

    def words(self, low, high):
        return " ".join(self.pick(WORDS) for _ in range(self.between(low, high)))

    def record_id(self, prefix):
        return prefix + "".join(self.pick(LETTERS) for _ in range(18 - len(prefix)))

    def address(self):
        def member(name, union):
            if not self.chance(0.7):
                return None
            if union is DOUBLE:
                return self.random() * 180 - 90
            return None if name == "Xyz" else self.words(1, 3)
        return {name: member(name, union) for name, union in ADDRESS_FIELDS}

    def value(self, name, union):
        if name == "Name":
            return self.words(1, 4)
        if name.endswith("Address"):
            return self.address()
        if union is DOUBLE:
            return float(self.between(0, 10**6)) if self.chance(0.5) else self.random() * 1e6
        if union is INT:
            return self.between(0, 50_000)
        if union is BOOLEAN:
            return self.chance(0.5)
        if union is DATE:
            return self.between(10_000, 20_500)
        if union is TIMESTAMP:
            return 1_600_000_000_000 + self.between(0, 120_000_000_000)
        if name.endswith("Id"):
            return self.record_id("001")
        if name == "Description":
            return self.words(8, 40)
        if name.endswith("__c"):
            return self.words(6, 20) if self.chance(0.1) else self.record_id("a0B") if self.chance(0.3) else self.words(1, 2)
        return self.words(1, 3)


def bitmap(positions):
    digits = f"{sum(1 << p for p in set(positions)):X}"
    return "0x" + digits.zfill(len(digits) + len(digits) % 2)


class Org:
    """Events of one schema, one after the other."""

    def __init__(self, fields, dice):
        self.fields = fields
        self.dice = dice
        self.sequence = 0
        self.bitmaps = []
        self.last_modified = [name for name, _ in fields].index("LastModifiedDate")

    def event(self, kind):
        dice, values, own, nested, nulled = self.dice, {}, [], [], []
        if kind == "UPDATE":
            changed = [self.last_modified]
            while len(changed) < 3:
                position = dice.between(1, len(self.fields) - 1)
                if position not in changed:
                    changed.append(position)
            for position in changed:
                value = values[position] = dice.value(*self.fields[position])
                if isinstance(value, dict):
                    children = [i for i, (name, _) in enumerate(ADDRESS_FIELDS) if value[name] is not None]
                    nested.append(f"{position}-{bitmap(children or [0])}")
                else:
                    own.append(position)
            if dice.chance(0.1):
                nulled.append(dice.between(1, len(self.fields) - 1))
            self.bitmaps.append(bitmap(own))
        elif kind == "CREATE":
            for position in range(1, len(self.fields)):
                if position == self.last_modified or dice.chance(0.6):
                    values[position] = dice.value(*self.fields[position])
        header = self.header(kind, [bitmap(own), *nested] if kind == "UPDATE" else [], [bitmap(nulled)] if nulled else [])
        return header + b"".join(encode_optional(union, values.get(i))
                                 for i, (_, union) in enumerate(self.fields) if i != 0)

    def header(self, kind, changed, nulled):
        dice, self.sequence = self.dice, self.sequence + 1
        ids = [dice.record_id("001") for _ in range(1 if dice.chance(0.95) else 3)]
        soap = dice.chance(0.8)
        transaction = "000{}-{}-{}-{}-{}".format(dice.between(10_000, 99_999), *(dice.between(1_000, 9_999) for _ in range(3)),
                                                 dice.between(10**11, 10**12 - 1))
        return b"".join([
            encode_text("Account"), encode_texts(ids), encode_long(CHANGE_TYPES.index(kind)),
            encode_text("com/salesforce/api/soap/61.0;client=SfdcInternalAPI/" if soap else "com/salesforce/api/rest/61.0"),
            encode_text(transaction), encode_long(dice.between(1, 5)),
            encode_long(1_750_000_000_000 + 37 * self.sequence), encode_long(11_000_000_000_000 + 13 * self.sequence),
            encode_text(dice.record_id("005")), encode_texts(nulled), encode_texts([]), encode_texts(changed)])


def kind_of(what, dice):
    if what != "mix":
        return what.upper()
    share = dice.random()
    return "UPDATE" if share < 0.8 else "CREATE" if share < 0.95 else "DELETE"


def generate(folder, events, seed):
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, fields) in enumerate((("std", STD), ("wide", WIDE))):
        schema = {"type": "record", "name": "AccountChangeEvent", "namespace": "com.sforce.eventbus", "fields": [
            {"name": n, "type": t, "doc": f"Data:{n}:00N", "default": None} if i else {"name": n, "type": t}
            for i, (n, t) in enumerate(fields)]}
        (folder / f"schema_{name}.json").write_text(json.dumps(schema, separators=(",", ":")))
        org = Org(fields, Dice(2 * seed + number))
        for what in ("update", "create", "mix"):
            count = events if name == "std" else events // 2 if what == "create" else events * 3 // 4
            payloads = [org.event(kind_of(what, org.dice)) for _ in range(count)]
            (folder / f"{name}_{what}.bin").write_bytes(b"".join(len(p).to_bytes(4, "little") + p for p in payloads))
            print(f"{name}_{what}: {len(fields)} fields, {count} events of {sum(map(len, payloads)) / count:.0f} bytes",
                  file=sys.stderr)
        (folder / f"bitmaps_{name}.txt").write_text("\n".join(org.bitmaps[:events * 3 // 4]) + "\n")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--events", type=int, default=4_000, help="of the largest files (4000)")
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    generate(given.folder, given.events, given.seed)
