// A model of Salesforce's Pub/Sub API: one topic, Subscribe or ManagedSubscribe calls, logins. It speaks bytes, keeps to the
// rules that the service is known to keep to, and holds the client to those that it must follow.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/wire/protobuf.hpp>

#include "dice.hpp"
#include "journal.hpp"
#include "ledger.hpp"
#include "network.hpp"
#include "schedule.hpp"

namespace simulation {

// How Salesforce ends a call that it does not want to go on with.
struct salesforce_error {
    const char* code; // without the prefix
    int grpc_code;
    bool final = false; // trying again gives the same: a client gives up
};
inline constexpr std::string_view error_prefix = "sfdc.platform.eventbus.grpc.";
inline constexpr salesforce_error salesforce_errors[] = {
    {"service.unavailable", grpc_internal},
    {"service.auth.error", grpc_unauthenticated},
    {"service.auth.headers.invalid", grpc_unauthenticated, true},
    {"service.auth.refresh.invalid", grpc_unauthenticated},
    {"service.protection.stream.limit.triggered", grpc_resource_exhausted},
    {"service.protection.triggered", grpc_resource_exhausted},
    {"service.tenant.license", grpc_permission_denied, true},
    {"concurrent.client.limit.exceeded", grpc_resource_exhausted},
    {"topic.not.found", grpc_not_found, true},
    {"topic.meta.permission", grpc_permission_denied, true},
    {"topic.validation.empty", grpc_invalid_argument, true},
    {"topic.api.unavailable", grpc_unavailable},
    {"schema.api.unavailable", grpc_unavailable},
    {"schema.meta.permission", grpc_permission_denied, true},
    {"schema.validation.failed", grpc_invalid_argument, true},
    {"subscription.fetch.replayid.corrupted", grpc_invalid_argument},
    {"subscription.fetch.replayid.validation.failed", grpc_invalid_argument},
    {"subscription.fetch.replay.repeated", grpc_internal},
    {"subscription.limit.exceeded", grpc_resource_exhausted},
    {"subscription.fetch.overflow", grpc_resource_exhausted},
    {"subscription.fetch.requested.events.invalid", grpc_invalid_argument, true},
    {"subscription.fetch.topic.mismatch", grpc_invalid_argument, true},
    {"subscription.fetch.request.invalid", grpc_invalid_argument, true},
    {"subscription.topic.cannot.subscribe", grpc_permission_denied, true},
    {"subscription.internal.error", grpc_internal},
    {"managed.subscription.config.stopped", grpc_failed_precondition, true},
};

class salesforce {
  public:
    static constexpr std::string_view topic = "/data/ChangeEvents";
    static constexpr std::string_view managed_name = "changes_to_lake";

    // Events are published in bursts over about `span`.
    salesforce(schedule& clock, dice& random, journal& log, network& net, ledger& truth, duration span)
        : clock_(clock), random_(random), log_(log), net_(net), truth_(truth) {
        publish_later(span);
    }

    // ---- calls, as they reach the service

    static connection_ptr make_call() { return std::make_shared<call>(); }
    void open(const connection_ptr& on, std::uint64_t token, bool managed) {
        auto c = std::static_pointer_cast<call>(on);
        c->managed = managed;
        net_.to_service(on, [this, c, token] {
            if (unreachable) return net_.end(c, {grpc_unavailable, {}});
            accept(c, token);
        });
    }
    void receive(const connection_ptr& on, std::string bytes) {
        auto c = std::static_pointer_cast<call>(on);
        net_.to_service(on, [this, c, bytes = std::move(bytes)] { request(c, bytes); });
    }
    void cancel(const connection_ptr& on) {
        net_.cancel(on, [on] { on->over = true; });
    }

    // ---- logins

    std::uint64_t new_token() { return ++tokens_; }
    bool login_down = false, login_refused = false;
    bool schemas_down = false, schemas_refused = false;
    // Something happened for which a client may end for good.
    bool may_give_up = false;

    // ---- what may go wrong; each with whether there was something to do it to

    bool end_cleanly() {
        return on_call([&](const auto& c) { net_.end(c, {grpc_ok, {}}); });
    }
    bool reset() {
        return on_call(
            [&](const auto& c) { net_.end(c, {random_.one_in(2) ? grpc_unavailable : grpc_internal, {}}, true); });
    }
    bool go_silent() {
        return on_call([&](const auto& c) { c->dead = true; });
    }
    bool end_with(const salesforce_error& e) {
        return on_call([&](const auto& c) {
            if (std::string_view(e.code).starts_with("subscription.fetch.replayid.")) forget();
            may_give_up =
                may_give_up || e.final || (c->managed && forget_); // the position is not the client's to choose
            fail(c, e.code, e.grpc_code);
        });
    }
    bool expire_token() {
        first_valid_token_ = tokens_ + 1;
        return on_call([&](const auto& c) { fail(c, "service.auth.error", grpc_unauthenticated); });
    }
    // The next call is refused, although its token is good.
    void refuse_next_token() { refuse_next_ = true; }
    // The next call is never answered: a firewall swallows it.
    void swallow_next_call() { mute_next_ = true; }
    // No position is known any more: the topic was reset, or the position is older than the retention.
    bool forget_positions() {
        return on_call([&](const auto& c) {
            forget();
            net_.end(c, {grpc_unavailable, {}});
        });
    }
    bool repeat_response() {
        return on_call([&](const auto& c) {
            if (c->next == c->first) return;
            truth_.repeated_by_salesforce = true;
            c->next = c->next - std::min(c->next - c->first, random_.between(1u, 20u));
            feed(c);
        });
    }
    bool send_more_than_asked() {
        return on_call([&](const auto& c) {
            const std::uint32_t more = std::min(published_ - c->next, random_.between(1u, 30u));
            if (more == 0) return;
            budget_spent(faulty_responses_);
            c->surplus = true;
            respond(c, more);
        });
    }
    bool send_rubbish() {
        return on_call([&](const auto& c) {
            budget_spent(faulty_responses_);
            std::string bytes(static_cast<std::size_t>(random_.below(40)), '\0');
            for (char& byte : bytes) byte = static_cast<char>(random_.roll());
            net_.to_runner(c, "\x0b" + bytes); // a group, which is an error whatever follows
        });
    }
    // An empty response with a position far ahead, while no credits are left.
    bool keepalive_without_credits() {
        return on_call([&](const auto& c) {
            if (c->credits == 0) keepalive(c);
        });
    }
    bool unreachable = false;

    void heal() {
        unreachable = false;
        login_down = login_refused = schemas_down = schemas_refused = false;
        refuse_next_ = mute_next_ = false;
    }

    // The runner took an event: all is well again.
    void taken() { token_refusals_ = faulty_responses_ = 0; }

    // ---- looked at from outside

    std::function<void()> on_burst; // events were published

    bool all_published() const { return published_ == truth_.size(); }
    std::uint64_t calls() const { return calls_; }
    // A call that waits for events with credits to send them.
    bool ready() const {
        return current_ != nullptr && !current_->over && !current_->left && !current_->dead && current_->credits > 0;
    }

  private:
    struct call : connection {
        bool managed = false;
        bool subscribed = false;
        std::uint32_t first = 0; // where it began
        std::uint32_t next = 0;  // the next event to send
        std::uint32_t credits = 0;
        bool surplus = false; // more was sent than asked for
        struct unanswered {
            std::string id, position;
            bool refused;
        };
        std::vector<unanswered> commits;
        time_point last_response{};
    };
    using call_ptr = std::shared_ptr<call>;

    static constexpr std::uint32_t most_credits = 100;
    // Behind the last response: with credits comes a keepalive, without credits the call is ended.
    static constexpr duration patience = 60s;

    template<class Do> bool on_call(Do&& what) {
        if (current_ == nullptr || current_->over || current_->dead || !current_->subscribed) return false;
        what(current_);
        return true;
    }

    void accept(const call_ptr& c, std::uint64_t token) {
        ++calls_;
        if (std::exchange(mute_next_, false)) {
            c->dead = true;
            return;
        }
        const bool refused = std::exchange(refuse_next_, false);
        log_.note("salesforce: call %llu with token %llu", static_cast<unsigned long long>(c->number),
                  static_cast<unsigned long long>(token));
        if (refused || token < first_valid_token_) return fail(c, "service.auth.error", grpc_unauthenticated);
        if (c->managed && current_ != nullptr && !current_->over) {
            // There is one client for each subscription, until the service has noticed that the last one is gone.
            if (current_->left || current_->dead) clock_.after(45s, [last = current_] { last->over = true; });
            return fail(c, "managed.subscription.already.active", grpc_failed_precondition);
        }
        // A call of a process that died while the call was on its way takes no events from the one that lives. (A managed
        // subscription has one client, which then is this one, until the service notices.)
        if (!c->left || c->managed) current_ = c;
        net_.opened(c);
    }

    // What is tried again, but not for ever: a client's budgets are five of each. An event that was on its way meanwhile may
    // have taken one off the count here and not there.
    void budget_spent(unsigned& times) {
        if (++times >= 4) may_give_up = true;
    }

    // What is retained begins somewhere in front of the stored position, so that nothing is lost by starting there.
    void forget() {
        const std::uint32_t passed = truth_.first_after(truth_.position());
        forgotten_ = passed - std::min(passed, random_.between(0u, 50u));
        forget_ = true;
    }

    // Its runner was not replaced by another one while the bytes were on their way.
    bool alive(const call_ptr& c) const { return c->life == net_.life(); }

    void fail(const call_ptr& c, const char* code, int grpc_code) {
        if (grpc_code == grpc_unauthenticated) budget_spent(token_refusals_);
        log_.note("salesforce: call %llu ends with %s", static_cast<unsigned long long>(c->number), code);
        net_.end(c, {grpc_code, std::string(error_prefix) + code});
    }

    // FetchRequest and ManagedFetchRequest, whose fields have the same numbers where they are not the same.
    struct fetch {
        std::string_view topic_name, replay_id; // of FetchRequest
        std::uint64_t preset = 0;
        std::string_view subscription_id, developer_name, commit_id, commit_at; // of ManagedFetchRequest
        std::int32_t num_requested = 0;
        bool commits = false;
    };
    fetch parse(bool managed, std::string_view bytes) {
        fetch f;
        sfcdc::wire::protobuf_reader in(bytes);
        while (in.next()) {
            switch (in.field()) {
            case 1: (managed ? f.subscription_id : f.topic_name) = in.bytes(); break;
            case 2: managed ? void(f.developer_name = in.bytes()) : void(f.preset = in.number()); break;
            case 3: managed ? void(f.num_requested = in.int32()) : void(f.replay_id = in.bytes()); break;
            case 4: f.num_requested = in.int32(); break;
            case 5: {
                f.commits = true;
                sfcdc::wire::protobuf_reader commit(in.bytes());
                while (commit.next()) (commit.field() == 1 ? f.commit_id : f.commit_at) = commit.bytes();
                break;
            }
            default: log_.fail("a FetchRequest has field %u", in.field());
            }
        }
        if (in.error()) log_.fail("a FetchRequest is not a message");
        return f;
    }

    void request(const call_ptr& c, std::string_view bytes) {
        const fetch f = parse(c->managed, bytes);
        const auto wanted = static_cast<std::uint32_t>(f.num_requested);
        log_.note("salesforce: call %llu asks for %d", static_cast<unsigned long long>(c->number), f.num_requested);
        if (f.num_requested < 0 || (f.num_requested == 0 && !f.commits))
            log_.fail("num_requested is %d", f.num_requested);
        // Who got more than was asked for cannot know what the service makes of it.
        if (c->credits + wanted > most_credits && !c->surplus)
            log_.fail("num_requested is %u on top of %u: more than 100 credits", wanted, c->credits);
        if (!f.topic_name.empty() && f.topic_name != topic) log_.fail("a FetchRequest names another topic");
        if (!c->subscribed) {
            if (f.commits) log_.fail("the first request commits");
            if (c->managed)
                begin_managed(c, f);
            else if (!begin(c, f.topic_name, f.preset, f.replay_id))
                return;
            c->subscribed = true;
            c->first = c->next;
            c->last_response = clock_.now();
            watch(c);
        } else if (f.commits) {
            commit(c, f);
        }
        c->credits = std::min(c->credits + wanted, most_credits);
        feed(c);
    }

    // The position is Salesforce's; where it has lost it, its own setting says earliest.
    void begin_managed(const call_ptr& c, const fetch& f) {
        if (f.developer_name != managed_name || !f.subscription_id.empty())
            log_.fail("the first request does not name the subscription by one name");
        const bool lost = std::exchange(forget_, false);
        c->next = lost ? forgotten_ : truth_.position().empty() ? 0 : truth_.first_after(truth_.position());
        if (alive(c)) truth_.started(c->next, true);
    }

    // Answered a while later; of several commits only the last one is.
    void commit(const call_ptr& c, const fetch& f) {
        if (f.commit_id.size() != 36) log_.fail("a commit id is not a UUID");
        const bool older = !truth_.position().empty() && counter_of(f.commit_at) < counter_of(truth_.position());
        log_.note("salesforce: call %llu commits %llu%s", static_cast<unsigned long long>(c->number),
                  static_cast<unsigned long long>(counter_of(f.commit_at)), older ? ", which is older" : "");
        if (!older) truth_.stored(f.commit_at);
        c->commits.push_back({std::string(f.commit_id), std::string(f.commit_at), older});
        if (c->commits.size() > 1) return;
        clock_.after(random_.between<duration>(0ms, 2s), [this, c] {
            const auto [id, position, refused] = c->commits.back();
            c->commits.clear();
            std::string message;
            {
                sfcdc::wire::appender to(message);
                sfcdc::wire::protobuf_writer write(to);
                if (c->credits > 0) write.varint(4, c->credits);
                write.nested(5, [&] {
                    write.bytes(1, id);
                    write.bytes(2, position);
                    if (refused) write.nested(3, [&] { write.varint(1, 2); });
                });
            }
            send(c, std::move(message));
        });
    }

    bool begin(const call_ptr& c, std::string_view topic_name, std::uint64_t preset, std::string_view replay_id) {
        if (topic_name.empty()) log_.fail("the first FetchRequest names no topic");
        enum { latest = 0, earliest = 1, custom = 2 };
        switch (preset) {
        case earliest:
            c->next = std::min(forgotten_, published_);
            if (alive(c)) truth_.started(c->next, std::exchange(forget_, false));
            break;
        case custom:
            if (replay_id.empty()) log_.fail("a subscription from a position without saying which");
            c->next = truth_.first_after(replay_id);
            if (forget_) {
                fail(c, "subscription.fetch.replayid.corrupted", grpc_invalid_argument);
                return false;
            }
            if (alive(c)) truth_.resumed(c->next);
            break;
        default: log_.fail("a subscription from latest: what came before is lost");
        }
        return true;
    }

    // One thing at a time for each call: the keepalive, and the rule for clients that ask for nothing.
    void watch(const call_ptr& c) {
        clock_.at(c->last_response + patience, [this, c] {
            if (c->over) return;
            if (clock_.now() - c->last_response >= patience) {
                if (c->credits == 0) {
                    if (!c->dead && !c->left && net_.slow_down == 0s)
                        log_.fail("no credits on call %llu for 60 seconds: Salesforce ends it",
                                  static_cast<unsigned long long>(c->number));
                    return net_.end(c, {grpc_unavailable, {}});
                }
                keepalive(c);
            }
            watch(c);
        });
    }

    void keepalive(const call_ptr& c) {
        // The topic's counter runs on between the events of this subscription.
        const std::uint64_t last = published_ == 0 ? 0 : truth_.events()[published_ - 1].counter;
        const std::uint64_t next = published_ == truth_.size() ? last + 4 : truth_.events()[published_].counter;
        std::string message;
        {
            sfcdc::wire::appender to(message);
            sfcdc::wire::protobuf_writer write(to);
            write.bytes(2, replay_id_of(next - 1));
            if (c->credits > 0) write.varint(4, c->credits);
        }
        send(c, std::move(message));
    }

    void feed(const call_ptr& c) {
        while (c->credits > 0 && c->next < published_) {
            const std::uint32_t room = std::min(c->credits, published_ - c->next);
            respond(c, std::min(room, random_.one_in(4) ? random_.between(1u, room) : room));
        }
    }

    void respond(const call_ptr& c, std::uint32_t count) {
        c->credits -= std::min(c->credits, count);
        std::string message;
        {
            sfcdc::wire::appender to(message);
            sfcdc::wire::protobuf_writer write(to);
            for (const std::uint32_t end = c->next + count; c->next < end; ++c->next) {
                std::string payload;
                put_number(payload, c->next);
                payload.resize(payload.size() + c->next * 37 % (c->next % 50 == 0 ? 3'000 : 400), '.');
                write.nested(1, [&] {
                    write.nested(1, [&] {
                        write.bytes(2, "schema-" + std::to_string(truth_.events()[c->next].schema));
                        write.bytes(3, payload);
                    });
                    write.bytes(2, replay_id_of(truth_.events()[c->next].counter));
                });
            }
            write.bytes(2, replay_id_of(truth_.events()[published_ - 1].counter)); // of the topic, not of this call
            if (c->credits > 0) write.varint(4, c->credits);
        }
        log_.note("salesforce: call %llu gets events up to %u, %u credits left",
                  static_cast<unsigned long long>(c->number), c->next - 1, c->credits);
        send(c, std::move(message));
    }

    void send(const call_ptr& c, std::string message) {
        c->last_response = clock_.now();
        net_.to_runner(c, std::move(message));
    }

    void publish_later(duration span) {
        if (all_published()) return;
        const std::uint32_t burst =
            std::min(truth_.size() - published_, random_.between(1u, random_.one_in(8) ? 300u : 30u));
        // On average as fast as it takes to be through in `span`.
        const duration wait = span * burst / truth_.size();
        clock_.after(random_.between<duration>(0s, 2 * wait), [this, burst, span] {
            published_ += burst;
            if (on_burst) on_burst();
            on_call([&](const auto& c) { feed(c); });
            publish_later(span);
        });
    }

    schedule& clock_;
    dice& random_;
    journal& log_;
    network& net_;
    ledger& truth_;
    call_ptr current_; // the newest that was accepted
    std::uint32_t published_ = 0;
    std::uint64_t calls_ = 0;
    std::uint64_t tokens_ = 0;
    std::uint64_t first_valid_token_ = 1;
    bool refuse_next_ = false;
    unsigned token_refusals_ = 0, faulty_responses_ = 0; // since an event was taken
    bool mute_next_ = false;
    bool forget_ = false;
    std::uint32_t forgotten_ = 0; // the oldest event that is retained
};

} // namespace simulation
