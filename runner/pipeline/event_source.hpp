// Events that a pipeline delivers in place of those of its topic: dead letters that are tried again.
#pragma once

#include "../disk/dead_letters.hpp"
#include "../salesforce/org.hpp"

#include <sfcdc/pubsub/subscription_io.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sfcdc::runner {

// Plays Salesforce's side of a subscription. Used by the pipeline's thread, but for schema(). Every function may throw failure.
class event_source {
  public:
    virtual ~event_source() = default;

    virtual std::string org_id() const = 0;
    virtual std::uint64_t events() const = 0; // all there are
    virtual bool at_end() const = 0;          // all were handed over

    // What the subscription asks for, and what it is to be told. The bytes of a response live until the next call of next_input().
    virtual void perform(const pubsub::action& action) = 0;
    virtual std::optional<pubsub::input> next_input() = 0;

    // As org::schema(), from any thread.
    virtual std::shared_ptr<const salesforce::event_schema> schema(const std::string& id,
                                                                   const std::stop_token& stop) = 0;

    // The columns of a row that was refused before, in place of an event; null: it is an event.
    virtual const nlohmann::ordered_json* refused_row(const pubsub::consumer_event& event) = 0;
    // The row has lost these columns, which the sink's layout lacks.
    virtual void left_out(const pubsub::consumer_event& event, const std::vector<std::string>& columns) = 0;
    // When it was received first, in milliseconds since 1970.
    virtual std::int64_t received(const pubsub::consumer_event& event) const = 0;

    // It cannot be delivered again. Returns with that on the disk.
    virtual void failed(const dead_letter& letter, const letter_surroundings& around) = 0;
    // The first so many events are durable or failed.
    virtual void delivered(std::uint64_t events) = 0;
};

} // namespace sfcdc::runner
