// An engine of one's own between Salesforce and a sink of one's own: the loop around a delivery. Here both sides are played from a
// list, where a program has a gRPC call, a schema cache and a database.
#include <sfcdc/delivery.hpp>
#include <sfcdc/pubsub/test_messages.hpp>

#include <cstdio>
#include <string>

int main() {
    using namespace sfcdc;
    delivery_options options;
    options.subscription.topic_name = "/data/ChangeEvents";
    options.subscription.preset = pubsub::replay_preset::earliest; // no position is stored yet
    options.sinks = 1;                                             // outlet 0 is a sink of our own
    delivery d(options);
    time_point now{};
    std::int64_t rows = 0;
    const auto turn = [&] {
        while (const delivery::event* const e = d.next_event(now)) {
            std::printf("row of event %.*s\n", static_cast<int>(e->id.size()),
                        e->id.data()); // decode, and write the row
            rows = d.add_row(0) + 1;
            (void)d.pass_event(now);
        }
        (void)d.durable(0, rows); // the sink has committed
        while (auto news = d.poll_news()) {
        } // dead letters are kept here, interruptions are logged
        if (const pubsub::replay_id* const position = d.position_due()) {
            std::printf("position %s\n", position->hex().c_str()); // store it
            d.position_stored();
        }
        while (auto action = d.poll_action(now)) {
            if (const auto* const schema = std::get_if<fetch_schema>(&*action)) {
                std::printf("GetSchema %s\n", schema->schema_id.c_str());
                d.schema_known(schema->schema_id); // as soon as it is there
            } else if (const auto* const s = std::get_if<subscription_action>(&*action)) {
                if (const auto* const open = std::get_if<pubsub::open_call>(&s->action)) {
                    std::printf("open %.*s\n", static_cast<int>(open->method.size()), open->method.data());
                    (void)d.handle(pubsub::opened{open->call}, now); // the call is up
                }
            }
        }
    };
    turn();
    std::string response; // what comes back: a FetchResponse with one event
    const std::string_view replay_id("\0\0\0\0\0\0\0\x07", 8);
    const pubsub::consumer_event event{"e1", "schema-1", wire::as_bytes("payload"), replay_id};
    pubsub::append_response({.events = {&event, 1}, .pending_num_requested = 99}, response);
    (void)d.handle(pubsub::response{1, response}, now); // then wait until poll_timeout(), or the next input
    turn();
    turn();
    d.close(now);
    turn();
    return d.closed() ? 0 : 1;
}
