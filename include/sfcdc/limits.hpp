// Every bound on what a peer may make us do, each with the attack or mistake that it stops.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sfcdc::inline v0::limits {

// A schema is fetched over the network: 4 MiB is the largest gRPC message by default, real ones have 10 to 50 KB.
inline constexpr std::size_t schema_bytes = 4u << 20;

// Types, fields, symbols and union branches of one schema. Stops a small text from becoming a huge table.
inline constexpr std::size_t schema_entries = 1u << 18;

// Values in the text of a schema, whether they say something of a type or not: one of two bytes takes forty times as many
// in memory.
inline constexpr std::size_t json_values = 1u << 19;

// One name, a type's with its namespace; Salesforce's have up to 80. Names are in every row, and in every reference.
inline constexpr std::size_t name_length = 1'024;

// All full names of types, and all dotted names of fields: a long namespace or name is in each of those below it.
inline constexpr std::size_t name_bytes = 16u << 20;

// Slots that a name is looked for in. Names that were made to collide would otherwise cost a time that grows with the square of their number;
// a hundred is more than honest names need, however many there are.
inline constexpr std::size_t name_probes = 512;

// Brackets within brackets in the schema text: the parser recurses, and the stack must hold it.
inline constexpr int json_depth = 64;

// Salesforce's own limit for an event is 1 MB: what the first ones may have, before any was seen.
inline constexpr std::size_t event_bytes = 1u << 20;

// Of a payload, whoever it is from. Offsets into it are 32 bits wide.
inline constexpr std::size_t payload_bytes = 64u << 20;

// Values within values in a payload: a recursive type could otherwise recurse as deep as the payload is long.
inline constexpr int datum_depth = 64;

// Items of arrays whose items take no bytes (null, empty records): ten bytes could claim 2^63 of them.
inline constexpr std::uint64_t empty_items = 65'536;

// Replay ids seen have 10 bytes, some clients send 8; they are opaque, so the bound is only against nonsense.
inline constexpr std::size_t replay_id_bytes = 1'024;

// Databricks takes 10 MiB of records in a request of Zerobus; its own clients stay 64 KiB below.
inline constexpr std::size_t request_record_bytes = 10'420'224;

// Zerobus takes tables of at most so many columns.
inline constexpr std::size_t table_columns = 2'000;

// Text of one column of an Arrow batch, whose offsets are signed and 32 bits wide.
inline constexpr std::uint64_t arrow_column_bytes = 0x7fff'ffff;

// What a server says when it ends a call is kept for a person to read; gRPC would let it have megabytes.
inline constexpr std::size_t peer_text_bytes = 1'024;

// A close signal of Zerobus says how long acknowledgements still come. Stops a stream from being held up for years.
inline constexpr std::int64_t close_signal_seconds = 300;

// Schemas of the events of one topic; one on all objects has a few for each. Stops ids that are invented from filling the memory.
inline constexpr std::size_t schemas_of_a_topic = 20'000;

// Events handed over and not durable yet. Stops a sink that stands still from filling the memory; at 200 ms for an
// acknowledgement it is enough for 300,000 events a second.
inline constexpr std::size_t events_not_durable = 65'536;

} // namespace sfcdc::inline v0::limits
