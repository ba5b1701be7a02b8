// All of sfcdc, in reading order.
#pragma once

// clang-format off
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/version.hpp>

#include <sfcdc/simd/word.hpp>
#include <sfcdc/simd/words.hpp>
#include <sfcdc/simd/sse2.hpp>
#include <sfcdc/simd/neon.hpp>
#include <sfcdc/simd/block.hpp>

#include <sfcdc/wire/word.hpp>
#include <sfcdc/wire/byte_view.hpp>
#include <sfcdc/wire/copy.hpp>
#include <sfcdc/wire/varint.hpp>
#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/decimal.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/hex.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/utf8.hpp>
#include <sfcdc/wire/digest.hpp>
#include <sfcdc/wire/protobuf.hpp>
#include <sfcdc/wire/grpc_status.hpp>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/json_parser.hpp>
#include <sfcdc/avro/schema_names.hpp>
#include <sfcdc/avro/name_index.hpp>
#include <sfcdc/avro/schema_parser.hpp>
#include <sfcdc/avro/md5.hpp>
#include <sfcdc/avro/schema_id.hpp>
#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/name_table.hpp>
#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/stride.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/avro/compile.hpp>
#include <sfcdc/avro/skipper.hpp>
#include <sfcdc/avro/value.hpp>
#include <sfcdc/avro/read.hpp>
#include <sfcdc/avro/zero_bytes.hpp>
#include <sfcdc/avro/nonzero_bits.hpp>
#include <sfcdc/avro/datum.hpp>
#include <sfcdc/avro/lane.hpp>
#include <sfcdc/avro/hinted_walk.hpp>
#include <sfcdc/avro/walker.hpp>

#include <sfcdc/cdc/header_members.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/cdc/change_type.hpp>
#include <sfcdc/cdc/string_list.hpp>
#include <sfcdc/cdc/usual_header.hpp>
#include <sfcdc/cdc/header.hpp>
#include <sfcdc/cdc/bitmap.hpp>
#include <sfcdc/cdc/field_list.hpp>
#include <sfcdc/cdc/field_list_memory.hpp>
#include <sfcdc/cdc/field_state.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/cdc/present_values.hpp>
#include <sfcdc/cdc/event_slot.hpp>
#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/cdc/diff.hpp>
#include <sfcdc/cdc/utf8_check.hpp>

#include <sfcdc/row/column.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/typed_layout.hpp>
#include <sfcdc/row/sql.hpp>
#include <sfcdc/row/visitor.hpp>
#include <sfcdc/row/convert.hpp>
#include <sfcdc/row/json_writer.hpp>
#include <sfcdc/row/event_json.hpp>
#include <sfcdc/row/field_value.hpp>
#include <sfcdc/row/columns_to_update.hpp>
#include <sfcdc/row/rest_json.hpp>
#include <sfcdc/row/source.hpp>
#include <sfcdc/row/visit.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/row/arrow_abi.hpp>
#include <sfcdc/row/arrow_schema.hpp>
#include <sfcdc/row/arrow_memory.hpp>
#include <sfcdc/row/decimal128.hpp>
#include <sfcdc/row/arrow_column.hpp>
#include <sfcdc/row/arrow_source.hpp>
#include <sfcdc/row/arrow.hpp>
#include <sfcdc/row/arrow_stream.hpp>

#include <sfcdc/backoff.hpp>
#include <sfcdc/call/remedy.hpp>
#include <sfcdc/call/patience.hpp>
#include <sfcdc/call/fault.hpp>
#include <sfcdc/call/call_io.hpp>

#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/test_messages.hpp>
#include <sfcdc/pubsub/call_end.hpp>
#include <sfcdc/pubsub/subscription_options.hpp>
#include <sfcdc/pubsub/subscription_io.hpp>
#include <sfcdc/pubsub/subscription.hpp>

#include <sfcdc/zerobus/messages.hpp>
#include <sfcdc/zerobus/test_messages.hpp>
#include <sfcdc/zerobus/status.hpp>
#include <sfcdc/zerobus/request_queue.hpp>
#include <sfcdc/zerobus/ingest_stream_options.hpp>
#include <sfcdc/zerobus/ingest_stream_io.hpp>
#include <sfcdc/zerobus/ingest_stream.hpp>

#include <sfcdc/checkpoint.hpp>
#include <sfcdc/delivery_io.hpp>
#include <sfcdc/delivery.hpp>
