// The loop around a delivery, as a user of the library writes it. `Io` does what the loop is told to do and decides nothing:
//
//     now(), load_position(), store(position)                 the clock, and where the position is kept (by Salesforce
//                                                             itself, where the subscription is a managed one)
//     rows_of(event, row)                                     calls row(table, bytes, descriptor) for each row of an event; false
//                                                             where the event cannot be decoded
//     received()                                              the events of the last input were taken
//     dead_letter(letter)                                     keeps what nobody else will
//     perform(action), perform(table, action), fetch(id)      starts what the delivery asks for, and returns at once
//     wait_until(when)                                        the next input, or nothing when it is later than `when`
//     stopping(), seed(), keepalive(position), log(text)
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <sfcdc/delivery.hpp>

namespace simulation {

namespace pubsub = sfcdc::pubsub;
namespace zerobus = sfcdc::zerobus;
using sfcdc::time_point;

using descriptor_ptr = std::shared_ptr<const std::string>; // null: the one of the stream's options

struct schema_answer {
    enum class kind { known, refused, unavailable } what;
    std::string id;
};

// What Io::wait_until() returns: an input of the subscription (without a table), of a table's stream, or a schema. What it views stays until the next
// wait.
struct arrived {
    std::optional<std::uint32_t> table{};
    std::variant<std::monostate, sfcdc::call::input, schema_answer> input{};
};

enum class ended {
    stopped,   // as it was told, with everything durable
    timed_out, // as it was told, before everything was durable
    failed,    // a person has to do something
    mistake,   // the loop and the machine do not agree: never
};

template<class Io> class runner {
  public:
    runner(Io& io, sfcdc::delivery_options o) : io_(io), delivery_(started(io, std::move(o))) {}

    ended run() {
        while (!mistake_) {
            if (io_.stopping()) delivery_.close(io_.now());
            take_events();
            take_news();
            if (const auto* const position = delivery_.position_due()) {
                io_.store(*position);
                delivery_.position_stored();
            }
            while (auto action = delivery_.poll_action(io_.now()))
                std::visit([this](auto& a) { this->perform(a); }, *action);
            if (delivery_.closed())
                return failed_ ? ended::failed : delivery_.drain_timed_out() ? ended::timed_out : ended::stopped;
            const arrived came = io_.wait_until(delivery_.poll_timeout());
            const std::size_t before = delivery_.waiting();
            if (const auto* in = std::get_if<sfcdc::call::input>(&came.input)) {
                mistake_ =
                    (came.table ? delivery_.handle(*came.table, *in, io_.now()) : delivery_.handle(*in, io_.now()))
                    != sfcdc::errc::none;
                if (!came.table && delivery_.waiting() > before) io_.received();
            } else if (const auto* schema = std::get_if<schema_answer>(&came.input))
                answer(*schema);
        }
        return ended::mistake;
    }

    // ---- for metrics
    const sfcdc::delivery& machine() const { return delivery_; }

  private:
    static sfcdc::delivery_options started(Io& io, sfcdc::delivery_options o) {
        if (!o.subscription.topic_name.empty()) {
            o.subscription.replay_id = io.load_position();
            if (!o.subscription.replay_id.empty()) o.subscription.preset = pubsub::replay_preset::custom;
        }
        o.subscription.seed = io.seed();
        for (zerobus::ingest_stream_options& s : o.streams) s.seed = io.seed();
        return o;
    }

    void take_events() {
        while (const sfcdc::delivery::event* const event = delivery_.next_event(io_.now())) {
            take_news(); // events whose schema is refused are dead letters in front of this one
            const auto add = [&](std::uint32_t to, const std::string& row, const descriptor_ptr& descriptor) {
                delivery_.describe_rows(to, descriptor);
                delivery_.add_row(to, row);
            };
            const bool good = io_.rows_of(*event, add);
            const sfcdc::errc bad =
                good ? delivery_.pass_event(io_.now()) : delivery_.reject_event("undecodable", 0, io_.now());
            mistake_ = mistake_ || bad != sfcdc::errc::none;
        }
    }
    void take_news() {
        while (auto news = delivery_.poll_news()) std::visit([this](auto& n) { this->on(n); }, *news);
    }
    void answer(const schema_answer& schema) {
        switch (schema.what) {
        case schema_answer::kind::known: return delivery_.schema_known(schema.id);
        case schema_answer::kind::refused: return delivery_.schema_refused(schema.id, "as planned", io_.now());
        case schema_answer::kind::unavailable: return delivery_.schema_unavailable(schema.id, io_.now());
        }
    }

    void on(const sfcdc::dead_letter& letter) { io_.dead_letter(letter); }
    void on(const sfcdc::delivery_keepalive& alive) { io_.keepalive(alive.position); }
    void on(const sfcdc::commit_refused& why) {
        io_.log("a commit was refused", why.message, sfcdc::call::fault::none);
    }
    void on(const sfcdc::delivery_interrupted& pause) {
        io_.log(pause.why.outlet ? "a stream is interrupted" : "the subscription is interrupted", pause.why.message,
                pause.why.fault);
    }
    void on(const sfcdc::position_replaced& p) { io_.log("the position is unknown", p.why.message, p.why.fault); }
    void on(const sfcdc::delivery_failed& failure) {
        failed_ = true;
        io_.log("the delivery failed", failure.why.message, failure.why.fault);
    }

    void perform(const sfcdc::subscription_action& a) { io_.perform(a.action); }
    void perform(const sfcdc::stream_action& a) { io_.perform(a.outlet, a.action); }
    void perform(const sfcdc::fetch_schema& a) { io_.fetch(a.schema_id); }

    Io& io_;
    sfcdc::delivery delivery_;
    bool failed_ = false;
    bool mistake_ = false;
};

} // namespace simulation
