#include "letter_source.hpp"

#include "../operations/failure.hpp"
#include "../operations/metrics.hpp"
#include "hidden_fields.hpp"

#include <sfcdc/avro/schema_id.hpp>

#include <pubsub_api.pb.h>

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

namespace sfcdc::runner {
namespace {

// Of one response, as far as it is not one event alone.
constexpr std::size_t response_bytes = 2u << 20;

} // namespace

std::optional<std::string> reason_to_keep(const kept_letter& letter, const pipeline_config& pipeline) {
    if (letter.topic_name != pipeline.topic) return "it is of the topic " + letter.topic_name;
    if (letter.replay_id.empty()) return "it has no replay id by which it could be told from others";
    if (const auto [id, bad] = pubsub::replay_id::from_hex(letter.replay_id); bad || id.empty())
        return "its replay id is damaged";
    if (letter.schema_id.empty()) return "it does not say its schema";
    if (!letter.row_number) {
        if (!letter.has_content) return "its payload was withheld, because the pipeline hides fields";
        return std::nullopt;
    }
    if (!letter.has_columns)
        return "an earlier version wrote the row without the names of its columns; delete the letter, and fetch the "
               "event "
               "again by its replay id";
    if (pipeline.sink != sink_kind::zerobus) return "a row that Databricks has refused can only be sent there again";
    if (letter.hides != hides(pipeline.privacy))
        return "the row was made with other deny and tokenise patterns than the pipeline has now";
    return std::nullopt;
}

std::shared_ptr<const salesforce::event_schema> schema_of_letter(const letters_reader& letters, const std::string& id,
                                                                 salesforce::org& org, const std::stop_token& stop) {
    const auto known = letters.schemas().find(id);
    if (known == letters.schemas().end()) return org.schema(id, stop);
    auto out = std::make_shared<salesforce::event_schema>();
    auto [plan, bad] = cdc::compile(known->second);
    if (bad)
        throw salesforce::no_schema{"the letters' schema " + id + ", byte " + std::to_string(bad.offset) + ": "
                                    + bad.message()};
    if (const std::string computed = avro::schema_id(plan.schema()); computed != id)
        throw salesforce::no_schema{"the letters' schema " + id + " has the id " + computed};
    out->id = id;
    out->json = known->second;
    out->plan = std::move(plan);
    return out;
}

letter_source::letter_source(const pipeline_config& pipeline, salesforce::org& org, const letters_reader& letters,
                             dead_letters& file, std::function<void(const std::string&)> say)
    : config_(pipeline), org_(org), letters_(letters), file_(file), say_(std::move(say)) {
    for (const kept_letter& l : letters.letters()) {
        if (l.retried || reason_to_keep(l, pipeline)) continue;
        if (org_id_.empty()) org_id_ = l.org_id.empty() ? org.session({}).credential.org_id : l.org_id;
        if (!l.org_id.empty() && l.org_id != org_id_) {
            say_(l.replay_id + ": stays, since it is of org " + l.org_id + " and not of " + org_id_);
            continue;
        }
        const std::size_t event = tried_.size();
        tried_.push_back({&l, pubsub::replay_id::from_hex(l.replay_id).value});
        if (!by_name_.emplace(name_of(event) + "\n" + tried_.back().replay_id.hex(), event).second)
            tried_.pop_back(); // the same replay id in other letters
    }
}

// Several rows of one event are told apart by names of their own: the columns have the event's.
std::string letter_source::name_of(std::size_t event) const {
    const kept_letter& l = *tried_[event].letter;
    return l.row_number ? "row " + std::to_string(event) : l.event_id;
}

// The delivery hands over what it was given.
std::size_t letter_source::place_of(const pubsub::consumer_event& event) const {
    return by_name_.at(std::string(event.id) + "\n" + pubsub::replay_id::from_bytes(event.replay_id).value.hex());
}

// ---- Salesforce's side of a subscription

void letter_source::perform(const pubsub::action& action) {
    if (const auto* const open = std::get_if<pubsub::open_call>(&action)) {
        call_ = open->call;
        credits_ = 0;
        inputs_.push_back(pubsub::opened{call_});
    } else if (const auto* const send = std::get_if<pubsub::send_request>(&action)) {
        eventbus::v1::FetchRequest request;
        if (send->call == call_ && request.ParseFromString(send->bytes))
            credits_ += std::max<std::int64_t>(request.num_requested(), 0);
    } else if (std::holds_alternative<pubsub::renew_token>(action)) {
        inputs_.push_back(pubsub::token_renewed{}); // there is none
    }
}

std::optional<pubsub::input> letter_source::next_input() {
    if (inputs_.empty() && credits_ > 0 && !at_end()) hand_over();
    if (inputs_.empty()) return std::nullopt;
    pubsub::input next = std::move(inputs_.front());
    inputs_.pop_front();
    return next;
}

void letter_source::hand_over() {
    eventbus::v1::FetchResponse response;
    std::size_t bytes = 0;
    for (; credits_ > 0 && !at_end() && (bytes == 0 || bytes < response_bytes); ++next_, --credits_) {
        const tried& t = tried_[next_];
        auto& event = *response.add_events();
        event.set_replay_id(std::string(t.replay_id.bytes()));
        event.mutable_event()->set_id(name_of(next_));
        event.mutable_event()->set_schema_id(t.letter->schema_id);
        if (!t.letter->row_number) {
            auto content = content_of(file_.path(), *t.letter);
            if (!content) changed(*t.letter);
            event.mutable_event()->set_payload(std::move(content->bytes));
        }
        bytes += t.letter->size;
    }
    response.set_latest_replay_id(std::string(tried_[next_ - 1].replay_id.bytes()));
    response.set_pending_num_requested(static_cast<std::int32_t>(credits_));
    response_ = response.SerializeAsString();
    inputs_.push_back(pubsub::response{call_, response_});
}

std::shared_ptr<const salesforce::event_schema> letter_source::schema(const std::string& id,
                                                                      const std::stop_token& stop) {
    return schema_of_letter(letters_, id, org_, stop);
}

const nlohmann::ordered_json* letter_source::refused_row(const pubsub::consumer_event& of) {
    const std::size_t event = place_of(of);
    if (!tried_[event].letter->row_number) return nullptr;
    if (row_of_ != event) {
        auto content = content_of(file_.path(), *tried_[event].letter);
        row_ = content && content->columns.is_object() ? std::move(content->columns) : nlohmann::ordered_json();
        row_of_ = event;
    }
    if (!row_.is_object()) changed(*tried_[event].letter);
    return &row_;
}

void letter_source::changed(const kept_letter& letter) const {
    throw failure(exit_code::failed, file_.path().string() + ": the letter of " + letter.replay_id
                                         + " was moved or changed while it was tried again; start the retry anew.");
}

// ---- what becomes of them

void letter_source::left_out(const pubsub::consumer_event& event, const std::vector<std::string>& columns) {
    if (columns.empty()) return;
    std::string names;
    for (const std::string& name : columns) names += (names.empty() ? "" : ", ") + name;
    say_(tried_[place_of(event)].letter->replay_id
         + ": sent without what the pipeline's layout has no place for: " + names);
}

void letter_source::failed(const dead_letter& letter, const letter_surroundings& around) {
    const auto at = by_name_.find(letter.origin.event_id + "\n" + letter.origin.replay_id.hex());
    if (at == by_name_.end()) return;
    tried& t = tried_[at->second];
    const kept_letter& before = *t.letter;
    say_(before.replay_id + ": " + (letter.outlet ? "its row is refused" : "it cannot be decoded") + ": "
         + letter.reason);
    if (!t.failed && !t.refused) ++failed_again_;
    dead_letter now = letter;
    now.origin.event_id = before.event_id;
    now.origin.received_timestamp = before.received_timestamp;
    letter_surroundings with = around;
    if (before.row_number) {
        t.failed = true;
        now.row_number = *before.row_number;
    } else if (!letter.outlet) {
        t.failed = true;
        if (config_.privacy.hides_something()) return; // the new letter would lack the payload
    } else {
        t.refused = true;
    }
    // Of an event whose row is refused now, the row is the letter from here on.
    if (t.failed && before.reason == now.reason && (letter.outlet || before.offset == now.offset)) return;
    file_.keep_again(now, with);
}

// The position of the delivery has passed so many events: their rows are durable, or letters.
void letter_source::delivered(std::uint64_t events) {
    std::string lines;
    for (; marked_ < events && marked_ < tried_.size(); ++marked_) {
        if (tried_[marked_].failed) continue;
        lines += retried_line(*tried_[marked_].letter, pipeline_counts::system_ms());
        if (!tried_[marked_].refused) ++delivered_;
    }
    if (!lines.empty()) file_.mark(lines);
}

} // namespace sfcdc::runner
