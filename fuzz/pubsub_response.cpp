// Responses of the Pub/Sub API: any bytes are read or refused; what is read lies within the bytes, and written again
// without what is not known it reads the same.
#include "fuzz.hpp"

#include <sfcdc/pubsub/messages.hpp>

#include <string>

using namespace sfcdc;

namespace {

void write(const pubsub::consumer_event& event, wire::protobuf_writer& out) {
    out.nested(1, [&] {
        out.nested(1, [&] {
            out.bytes(1, event.id);
            out.bytes(2, event.schema_id);
            out.bytes(3, wire::as_chars(event.payload));
        });
        out.bytes(2, event.replay_id);
    });
}

void write(const pubsub::managed_fetch_response& response, std::string& bytes) {
    wire::appender to(bytes);
    wire::protobuf_writer out(to);
    for (const auto& event : response.events) write(event, out);
    out.bytes(2, response.latest_replay_id);
    out.bytes(3, response.rpc_id);
    out.int64(4, response.pending_num_requested);
    if (const auto& commit = response.commit_response)
        out.nested(5, [&] {
            out.bytes(1, commit->commit_request_id);
            out.bytes(2, commit->replay_id);
            if (commit->error)
                out.nested(3, [&] {
                    out.int64(1, static_cast<std::int32_t>(commit->error->code));
                    out.bytes(2, commit->error->msg);
                });
            out.int64(4, commit->process_time);
        });
}

std::string written(const pubsub::managed_fetch_response& response) {
    std::string bytes;
    write(response, bytes);
    return bytes;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::exact_bytes input({data, size});
    const std::string_view bytes = input.text();
    const auto inside = [&](std::string_view view) {
        fuzz::require(view.empty()
                      || (view.data() >= bytes.data() && view.data() + view.size() <= bytes.data() + bytes.size()));
    };

    const auto [response, bad] = pubsub::managed_fetch_response::parse(bytes);
    const auto [plain, bad_plain] = pubsub::fetch_response::parse(bytes);
    fuzz::require(bad.offset <= size);
    // The managed one reads one field more: it may refuse more, and it sees the same events.
    fuzz::require(bad || !bad_plain);
    if (!bad) {
        std::size_t count = 0;
        std::string_view last;
        for (const auto& event : response.events) {
            inside(event.id);
            inside(event.schema_id);
            inside(wire::as_chars(event.payload));
            inside(event.replay_id);
            fuzz::require(event.replay_id.size() <= limits::replay_id_bytes);
            if (!event.replay_id.empty()) last = event.replay_id;
            ++count;
        }
        inside(response.latest_replay_id);
        inside(response.rpc_id);
        fuzz::require(count == response.events.size() && count == plain.events.size());
        fuzz::require(last == response.last_replay_id && last == plain.last_replay_id);

        const std::string once = written(response);
        const auto [again, bad_again] = pubsub::managed_fetch_response::parse(once);
        fuzz::require(!bad_again && written(again) == once);
        fuzz::require(again.pending_num_requested == response.pending_num_requested);
        fuzz::require(again.commit_response.has_value() == response.commit_response.has_value());
    }

    if (const auto [topic, bad_topic] = pubsub::topic_info::parse(bytes); !bad_topic)
        for (const std::string_view view : {topic.topic_name, topic.tenant_guid, topic.schema_id, topic.rpc_id})
            inside(view);
    if (const auto [schema, bad_schema] = pubsub::schema_info::parse(bytes); !bad_schema)
        for (const std::string_view view : {schema.schema_json, schema.schema_id, schema.rpc_id}) inside(view);
    return 0;
}
