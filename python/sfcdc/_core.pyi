from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, TypedDict

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

_Payload: TypeAlias = bytes | bytearray | memoryview
_Bytes: TypeAlias = Iterable[_Payload | None] | _ArrowArray | _ArrowStream
"""Bytes objects, or an Arrow array or column of (large) binary, which is read without a copy."""
_Texts: TypeAlias = Iterable[str | None] | _ArrowArray | _ArrowStream

class Header(TypedDict):
    entity_name: str
    record_ids: list[str]
    change_type: str
    change_origin: str
    transaction_key: str
    sequence_number: int
    commit_timestamp: int
    commit_number: int
    commit_user: str
    nulled_fields: list[str]
    diff_fields: list[str]
    changed_fields: list[str]

class FieldLists(TypedDict):
    changed_fields: list[str]
    nulled_fields: list[str]
    diff_fields: list[str]

__version__: str

class Schema:
    """The Avro schema of an event, compiled once. Immutable, so that any thread may use it."""

    def __init__(self, json: str) -> None:
        """Raises ValueError for a text that is no schema of an event; it says the byte."""
    @property
    def id(self) -> str:
        """As Salesforce computes it; two texts with one id decode the same."""
    @property
    def name(self) -> str:
        """The full name of the record, "com.sforce.eventbus.AccountChangeEvent"."""
    @property
    def entity(self) -> str:
        """The object, "Account"; of a platform event its own name."""
    @property
    def json(self) -> str: ...
    @property
    def is_change_event(self) -> bool:
        """Whether its events have a ChangeEventHeader. Platform events have none."""
    @property
    def fields(self) -> list[tuple[str, str, str]]:
        """Name, Avro type and doc of each field, in the order of the bitmaps. `doc` tells what a number means."""
    def header(self, payload: _Payload) -> Header:
        """The ChangeEventHeader of an event that is looked at as a whole. Raises DecodeError."""
    def field_lists(self, payload: _Payload) -> FieldLists:
        """The bitmaps of the header as names of fields; of a compound's parts with a dot. Raises DecodeError."""
    def to_json(self, payload: _Payload) -> str:
        """The event as JSON, every field included. Raises DecodeError."""

class BadEvent:
    """A payload that could not be decoded."""

    @property
    def index(self) -> int:
        """Its number among the payloads of the call."""
    @property
    def byte(self) -> int: ...
    @property
    def reason(self) -> str: ...

class Batches:
    """What decode() has made. Readable once, by anything that knows Arrow's PyCapsule interface: `pyarrow.table(batches)`,
    `polars.from_arrow(batches)`, `duckdb.from_arrow(...)`. Its memory goes back to the decoder when the consumer has released it."""

    @property
    def rows(self) -> int: ...
    @property
    def errors(self) -> list[BadEvent]:
        """In the order of the payloads; empty unless on_error="collect"."""
    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """For a single batch. Raises ValueError where there are several."""

class Decoder:
    """Makes Arrow batches of the payloads of one or more schemas. One thread at a time decodes; other threads wait, without the interpreter's
    lock."""

    def __init__(
        self,
        schemas: Schema | Iterable[Schema],
        *,
        layout: Literal["typed", "sfcdc", "salesforce_zerobus", "lakeflow"] = "typed",
        columns: Sequence[str] = (),
        deny: Sequence[str] = (),
        tokenise: Sequence[str] = (),
        token_key: bytes = b"",
        decimals: Mapping[str, tuple[int, int]] = {},
        multi_picklist_arrays: bool = False,
    ) -> None:
        """`layout`: the columns, as docs/layouts.md has them; "typed" has one for each field, of all schemas together. `columns`: those that are
        kept, in this order. `deny`: patterns ("SSN__c", "*Phone") of fields that no column has; `tokenise`: of fields whose values become tokens of
        `token_key`, 32 random bytes or more. `decimals`: (precision, scale) by field. Raises ValueError."""
    def decode(
        self,
        payloads: _Bytes,
        *,
        schema_ids: _Texts | None = None,
        replay_ids: _Bytes | None = None,
        event_ids: _Texts | None = None,
        topic: str = "",
        org_id: str = "",
        received_ms: int | None = None,
        epoch: int = 0,
        batch_rows: int = 0,
        on_error: Literal["raise", "collect"] = "raise",
    ) -> Batches:
        """`schema_ids`: which payload is of which schema; needed where the decoder has several. What else is given goes into the columns of
        that name. `received_ms`: milliseconds since 1970, now unless said. `batch_rows`: closes a batch at the first event that reaches so many
        rows; 0: one batch.

        on_error="raise" raises DecodeError for the first payload that cannot be decoded, and returns nothing of the others; "collect" leaves such
        payloads out, and Batches.errors has them: keep them somewhere."""
    @property
    def warnings(self) -> list[str]:
        """Patterns that match no field, and fields that cannot become tokens and are left out."""
    def __arrow_c_schema__(self) -> object:
        """`pyarrow.schema(decoder)`"""
    def close(self) -> None:
        """Batches that were handed over stay. A closed decoder raises ValueError."""
    def __enter__(self) -> Decoder: ...
    def __exit__(self, *args: Any) -> None: ...

def header(payload: _Payload) -> Header:
    """The ChangeEventHeader, without a schema: it is in front of every change event. What is behind it is not looked at, and the lists of fields are the
    bitmaps. Raises DecodeError."""

def schema_id(json: str) -> str:
    """The id of a schema's text, as Salesforce computes it."""

def replay_id_from_hex(text: str) -> bytes: ...
def replay_id_from_base64(text: str) -> bytes: ...
def replay_id_to_hex(replay_id: bytes) -> str: ...
def replay_id_to_base64(replay_id: bytes) -> str: ...
