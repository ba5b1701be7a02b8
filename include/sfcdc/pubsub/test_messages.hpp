// Writes the messages that the Pub/Sub API sends, so that a test of a user's own loop can play the service. A program that talks to
// Salesforce does not need this header. Names and numbers are those of proto/pubsub_api.proto.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/wire/bytes.hpp>

namespace sfcdc::inline v0::pubsub {

// What a FetchResponse or a ManagedFetchResponse says. Without events it is a keepalive. The views are used during append_response()
// only.
struct fetch_response_content {
    std::span<const consumer_event> events{};
    std::string_view latest_replay_id{};
    std::string_view rpc_id{};
    std::int32_t pending_num_requested = 0;
    std::optional<commit_replay_response> commit_response{}; // ManagedFetchResponse only
};

// append_response() appends one message to `out`, without a length in front. A field that has proto3's default is not written, so that
// the bytes are those that generated code gives.
inline void append_response(const fetch_response_content& response, std::string& out) {
    detail::proto3_writer write(out);
    for (const consumer_event& sent : response.events)
        write.nested(1, [&] {
            write.nested(
                1, [&] { write.bytes(1, sent.id).bytes(2, sent.schema_id).bytes(3, wire::as_chars(sent.payload)); });
            write.bytes(2, sent.replay_id);
        });
    write.bytes(2, response.latest_replay_id).bytes(3, response.rpc_id).number(4, response.pending_num_requested);
    if (const auto& commit = response.commit_response)
        write.nested(5, [&] {
            write.bytes(1, commit->commit_request_id).bytes(2, commit->replay_id);
            if (const auto& refusal = commit->error)
                write.nested(
                    3, [&] { write.number(1, static_cast<std::int32_t>(refusal->code)).bytes(2, refusal->msg); });
            write.number(4, commit->process_time);
        });
}

inline void append_response(const topic_info& info, std::string& out) {
    detail::proto3_writer(out)
        .bytes(1, info.topic_name)
        .bytes(2, info.tenant_guid)
        .number(3, info.can_publish ? 1 : 0)
        .number(4, info.can_subscribe ? 1 : 0)
        .bytes(5, info.schema_id)
        .bytes(6, info.rpc_id);
}

inline void append_response(const schema_info& info, std::string& out) {
    detail::proto3_writer(out).bytes(1, info.schema_json).bytes(2, info.schema_id).bytes(3, info.rpc_id);
}

} // namespace sfcdc::inline v0::pubsub
