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
#include <sfcdc/avro/schema_id.hpp>
#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/avro/zero_bytes.hpp>
#include <sfcdc/avro/usual_header.hpp>
#include <sfcdc/avro/value.hpp>
#include <sfcdc/avro/datum.hpp>

#include <sfcdc/cdc/bitmap.hpp>
#include <sfcdc/cdc/field_list.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/cdc/diff.hpp>
#include <sfcdc/cdc/utf8_check.hpp>

#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/json_writer.hpp>
#include <sfcdc/row/event_json.hpp>
#include <sfcdc/row/source.hpp>
#include <sfcdc/row/visit.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/protobuf.hpp>

#include <sfcdc/backoff.hpp>
#include <sfcdc/call/remedy.hpp>
#include <sfcdc/call/patience.hpp>
#include <sfcdc/call/fault.hpp>
#include <sfcdc/call/call_io.hpp>

#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/call_end.hpp>
#include <sfcdc/pubsub/subscription_options.hpp>
#include <sfcdc/pubsub/subscription_io.hpp>
#include <sfcdc/pubsub/subscription.hpp>

#include <sfcdc/zerobus/messages.hpp>
#include <sfcdc/zerobus/status.hpp>
#include <sfcdc/zerobus/request_queue.hpp>
#include <sfcdc/zerobus/ingest_stream_options.hpp>
#include <sfcdc/zerobus/ingest_stream_io.hpp>
#include <sfcdc/zerobus/ingest_stream.hpp>

#include <sfcdc/checkpoint.hpp>
#include <sfcdc/delivery_io.hpp>
#include <sfcdc/delivery.hpp>
