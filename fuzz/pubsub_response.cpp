// Responses of the Pub/Sub API: any bytes are read or refused; what is read lies within the bytes, and written again
// without what is not known it reads the same.
#include "fuzz.hpp"

#include <sfcdc/pubsub/messages.hpp>
#include <sfcdc/pubsub/test_messages.hpp>

#include <string>
#include <vector>

using namespace sfcdc;

namespace {

std::string written(const pubsub::managed_fetch_response& response) {
    std::vector<pubsub::consumer_event> events;
    for (const auto& event : response.events) events.push_back(event);
    std::string bytes;
    pubsub::append_response({.events = events,
                             .latest_replay_id = response.latest_replay_id,
                             .rpc_id = response.rpc_id,
                             .pending_num_requested = response.pending_num_requested,
                             .commit_response = response.commit_response},
                            bytes);
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
