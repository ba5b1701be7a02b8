"""Random Avro: schemas of all types, data for them, and the bytes of that data, written here by the specification alone.

A value is what tests/interop/avro_dump prints: ["int", 5], ["record", [["name", value], ...]], ["map", [["key", value],
...]], with float and double as their bits in hexadecimal. `plain` turns it into what Python decoders return."""
import struct

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
NAMED = ("record", "enum", "fixed")
LOGICAL = {
    "int": ("date", "time-millis"),
    "long": ("time-micros", "timestamp-millis", "timestamp-micros", "local-timestamp-millis"),
    "string": ("uuid",),
    "bytes": ("decimal",),
}


class TooDeep(Exception):
    """The data of a record that holds itself without end."""


class Type:
    """A resolved type: what a JSON schema means once all its names are looked up."""

    def __init__(self, kind, **parts):
        self.kind = kind
        self.full = None
        self.__dict__.update(parts)


class SchemaMaker:
    """Makes one schema as JSON and as a Type, side by side. `has` names what not every implementation gets right."""

    def __init__(self, random):
        self.random = random
        self.named = []
        self.count = 0
        self.has = set()

    def chance(self, n):
        return self.random.randrange(n) == 0

    def event(self):
        schema, meaning = self.record("", 0)
        return schema, meaning

    def any_type(self, space, depth):
        pick = self.random.randrange(7 if depth > 4 else 18)
        if pick < 8:
            return self.primitive(self.random.choice(PRIMITIVES))
        if pick < 11:
            return self.union(space, depth)
        if pick in (11, 12):
            items, meaning = self.any_type(space, depth + 1)
            return {"type": "array", "items": items}, Type("array", items=meaning)
        if pick == 13:
            values, meaning = self.any_type(space, depth + 1)
            return {"type": "map", "values": values}, Type("map", items=meaning)
        if pick == 14 and self.named:
            return self.by_name(space)
        if pick == 15:
            return self.enum(space)
        if pick == 16:
            return self.fixed(space)
        return self.record(space, depth + 1)

    def primitive(self, name):
        schema = name
        if name in LOGICAL and self.chance(4):
            schema = {"type": name, "logicalType": self.random.choice(LOGICAL[name])}
            if schema["logicalType"] == "decimal":
                schema.update(precision=9, scale=2)
        elif self.chance(5):
            schema = {"type": name}
        return schema, Type(name)

    def union(self, space, depth):
        branches, meanings, taken = [], [], set()
        for i in range(1 + self.random.randrange(4)):
            known = len(self.named)
            schema, meaning = self.primitive("null") if i == 0 and self.chance(2) else self.any_type(space, depth + 1)
            key = meaning.full or meaning.kind
            if meaning.kind == "union" or key in taken:
                if any(full in str(branches) for full, _ in self.named[known:]):
                    raise AssertionError("a dropped branch is in use")
                del self.named[known:]  # what the branch declared is gone with it
                continue
            taken.add(key)
            branches.append(schema)
            meanings.append(meaning)
        if not branches:
            branches, meanings = ["null"], [Type("null")]
        return branches, Type("union", branches=meanings)

    def declare(self, kind, space):
        """The JSON of a new named type, the namespace inside it, and its Type, known by name from here on."""
        self.count += 1
        name = f"{kind[0].upper()}{self.count}"
        schema = {"type": kind, "name": name}
        pick = self.random.randrange(6)
        if pick == 0:
            schema["namespace"] = space = f"n{self.random.randrange(3)}"
        elif pick == 1:
            if space:
                self.has.add("an empty namespace inside another")
            schema["namespace"] = space = ""
        elif pick == 2:
            space = "a.b"
            schema.update(name=f"a.b.{name}", namespace="not.used")
        meaning = Type(kind)
        meaning.full = f"{space}.{name}" if space else name
        self.named.append((meaning.full, meaning))
        if self.chance(4):
            schema["doc"] = 'says "nothing" \\ \u00e6\u20ac\U0001f600\n'
        if self.chance(6):
            schema["aliases"] = ["Formerly" + name]
        if self.chance(6):
            schema["uuid"] = {"not": ["known", 1, None, 2.5e3, True]}
        return schema, space, meaning

    def by_name(self, space):
        full, meaning = self.random.choice(self.named)
        own, _, name = full.rpartition(".")
        schema = name if own == space and self.chance(2) else full
        if meaning.kind == "fixed":
            self.has.add("a fixed by name")
        return ({"type": schema} if self.chance(16) else schema), meaning

    def enum(self, space):
        schema, _, meaning = self.declare("enum", space)
        schema["symbols"] = meaning.symbols = [f"S{i}" for i in range(1 + self.random.randrange(70))]
        return schema, meaning

    def fixed(self, space):
        schema, _, meaning = self.declare("fixed", space)
        schema["size"] = meaning.size = self.random.randrange(20)
        return schema, meaning

    def record(self, space, depth):
        schema, space, meaning = self.declare("record", space)
        schema["fields"], meaning.fields = [], []

        def field(name, of):
            schema["fields"].append({"name": name, "type": of[0]})
            meaning.fields.append((name, of[1]))

        for i in range(1 + self.random.randrange(12) if depth == 0 else self.random.randrange(6)):
            field(f"f{i}", self.any_type(space, depth))
            if self.chance(4):  # a run of optional fields: what change events are made of
                for k in range(self.random.randrange(30)):
                    simple, of = self.primitive(self.random.choice(PRIMITIVES[1:]))
                    field(f"o{i}_{k}", (["null", simple], Type("union", branches=[Type("null"), of])))
        return schema, meaning


class DataMaker:
    def __init__(self, random):
        self.random = random

    def value(self, of, depth=0):
        if depth > 14:
            raise TooDeep
        return getattr(self, "a_" + of.kind)(of, depth)

    def a_null(self, *_):
        return ["null"]

    def a_boolean(self, *_):
        return ["boolean", self.random.random() < 0.5]

    def integer(self, bits):
        edge = self.random.choice((0, 1, 63, 64, 8191, 8192, 2 ** (bits - 1) - 1))
        v = self.random.choice((edge, self.random.getrandbits(bits - 1) >> self.random.randrange(bits)))
        return -v - 1 if self.random.random() < 0.5 else v

    def a_int(self, *_):
        return ["int", self.integer(32)]

    def a_long(self, *_):
        return ["long", self.integer(64)]

    def real(self):
        return self.random.choice((0.0, -0.0, 1.5, float("nan"), float("inf"), float("-inf"), self.random.uniform(-1e9, 1e9)))

    def a_float(self, *_):
        return ["float", struct.pack(">f", self.real()).hex()]

    def a_double(self, *_):
        return ["double", struct.pack(">d", self.real()).hex()]

    def length(self):
        return self.random.choice((0, 0, 1, 3, 9, 17, 62, 63, 64, 65, 130, 300))

    def a_bytes(self, *_):
        return ["bytes", self.random.randbytes(self.length()).hex()]

    def a_fixed(self, of, _):
        return ["fixed", self.random.randbytes(of.size).hex()]

    def text(self):
        return "".join(self.random.choice('abcXYZ0189 _-"\\/\n\x00\x7f\u00e6\u20ac\U0001f600') for _ in range(self.length()))

    def a_string(self, *_):
        return ["string", self.text()]

    def a_enum(self, of, _):
        return ["enum", self.random.choice(of.symbols)]

    def items(self, depth):
        return 0 if depth > 5 else self.random.choice((0, 0, 1, 2, 3, 7))

    def a_array(self, of, depth):
        return ["array", [self.value(of.items, depth + 1) for _ in range(self.items(depth))]]

    def a_map(self, of, depth):
        return ["map", [[f"{i}{self.text()}", self.value(of.items, depth + 1)] for i in range(self.items(depth))]]

    def a_record(self, of, depth):
        return ["record", [[name, self.value(meaning, depth + 1)] for name, meaning in of.fields]]

    def a_union(self, of, depth):
        branches = of.branches
        if depth > 7:  # towards an end: null where there is one, else what is simple
            branches = sorted(branches, key=lambda b: (b.kind != "null", b.kind not in PRIMITIVES))[:1]
        return Chosen(of.branches.index(branch := self.random.choice(branches)), self.value(branch, depth + 1))


class Chosen(list):
    """A value that stands in a union, and the index of its branch."""

    def __init__(self, index, value):
        super().__init__(value)
        self.index = index


class Writer:
    """Avro's binary encoding. Arrays and maps come in blocks of random sizes, every other one with a negative count."""

    def __init__(self, random):
        self.random = random

    def integer(self, v):
        v = 2 * v if v >= 0 else -2 * v - 1
        out = bytearray()
        while v > 127:
            out.append(v & 127 | 128)
            v >>= 7
        out.append(v)
        return bytes(out)

    def text(self, data):
        return self.integer(len(data)) + data

    def write(self, of, value):
        if of.kind == "union":
            return self.integer(value.index) + self.write(of.branches[value.index], list(value))
        kind, held = value[0], value[1] if len(value) > 1 else None
        assert kind == of.kind
        if kind == "null":
            return b""
        if kind == "boolean":
            return b"\1" if held else b"\0"
        if kind in ("int", "long"):
            return self.integer(held)
        if kind in ("float", "double"):
            return bytes.fromhex(held)[::-1]
        if kind == "bytes":
            return self.text(bytes.fromhex(held))
        if kind == "fixed":
            return bytes.fromhex(held)
        if kind == "string":
            return self.text(held.encode())
        if kind == "enum":
            return self.integer(of.symbols.index(held))
        if kind == "array":
            return self.blocks([self.write(of.items, item) for item in held])
        if kind == "map":
            return self.blocks([self.text(key.encode()) + self.write(of.items, item) for key, item in held])
        return b"".join(self.write(meaning, member) for (_, meaning), (_, member) in zip(of.fields, held, strict=True))

    def blocks(self, items):
        out = b""
        while items:
            n = 1 + self.random.randrange(len(items))
            block, items = b"".join(items[:n]), items[n:]
            out += self.integer(n) if self.random.random() < 0.5 else self.integer(-n) + self.integer(len(block))
            out += block
        return out + self.integer(0)


def plain(value):
    """A value as Python decoders return it."""
    kind = value[0]
    if kind == "null":
        return None
    if kind in ("float", "double"):
        return struct.unpack(">f" if kind == "float" else ">d", bytes.fromhex(value[1]))[0]
    if kind in ("bytes", "fixed"):
        return bytes.fromhex(value[1])
    if kind == "array":
        return [plain(item) for item in value[1]]
    if kind in ("map", "record"):
        return {name: plain(member) for name, member in value[1]}
    return value[1]


def exact(x):
    """For comparing: 1, 1.0 and True differ, 0.0 and -0.0 too, NaN is NaN."""
    if isinstance(x, dict):
        return {key: exact(member) for key, member in x.items()}
    if isinstance(x, list):
        return [exact(item) for item in x]
    return type(x).__name__, "nan" if x != x else repr(x)


def without_logical_types(schema):
    """The same schema for decoders that would turn numbers into dates."""
    if isinstance(schema, list):
        return [without_logical_types(branch) for branch in schema]
    if isinstance(schema, dict):
        return {key: without_logical_types(part) for key, part in schema.items() if key not in ("logicalType", "precision", "scale")}
    return schema
