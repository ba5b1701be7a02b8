"""Salesforce change events as Arrow.

    schema = sfcdc.Schema(json_text)              # as GetSchema of the Pub/Sub API gives it
    decoder = sfcdc.Decoder(schema)
    table = pyarrow.table(decoder.decode(payloads))

What decode() returns is read by whatever knows Arrow's PyCapsule interface: pyarrow, polars, DuckDB, nanoarrow. This package needs none of
them.
"""

from ._core import (
    BadEvent,
    Batches,
    Decoder,
    Schema,
    __version__,
    header,
    replay_id_from_base64,
    replay_id_from_hex,
    replay_id_to_base64,
    replay_id_to_hex,
    schema_id,
)
from ._errors import DecodeError

__all__ = [
    "BadEvent",
    "Batches",
    "DecodeError",
    "Decoder",
    "Schema",
    "__version__",
    "header",
    "replay_id_from_base64",
    "replay_id_from_hex",
    "replay_id_to_base64",
    "replay_id_to_hex",
    "schema_id",
]
