// Subscribe and ManagedSubscribe: one call from its first request to its status.
#pragma once

#include "duplex.hpp"
#include "managed_subscriptions.hpp"
#include "pubsub_rpc.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <pubsub_api.pb.h>
#include <utility>

namespace emulator {

// What the two methods share: credits, events, keepalives, limits of time, and the faults. The derived class reads the
// requests, because only their names, positions and commits differ.
template<typename request, typename response> class fetch_session {
  public:
    using call_type = duplex<request, response>;

    fetch_session(world& of, grpc::CallbackServerContext& context, call_type& call, const char* method)
        : world_(of),
          rpc_(of, context, method),
          call_(call),
          interruptions_seen_(of.fault.subscribe_interruption().count) {}
    fetch_session(const fetch_session&) = delete;
    fetch_session& operator=(const fetch_session&) = delete;

    grpc::Status run() {
        if (auto error = rpc_.authentication_error()) return *error;
        for (;;) {
            if (call_.cancelled()) return grpc::Status::CANCELLED;
            while (auto next = call_.take_request())
                if (auto error = take(*next)) return *error;
            const auto interruption = world_.fault.subscribe_interruption();
            if (interruption.count != interruptions_seen_) {
                if (interruption.code.empty()) return grpc::Status::OK;
                return rpc_.error(interruption.code, "The stream was ended.");
            }
            if (auto end = ended()) return *end;
            const bool silent = world_.fault.silent();
            if (call_.drained()) {
                if (!silent) send_answer();
                return grpc::Status::OK;
            }
            if (silent) {
                call_.wait_until(steady::now() + std::chrono::milliseconds(20));
                continue;
            }
            if (auto error = send_what_is_due()) return *error;
            if (out_of_credits() && steady::now() >= last_response_ + world_.settings.credit_timeout)
                return grpc::Status::OK;
            call_.wait_until(std::min(next_deadline(), ends_at()));
        }
    }

  protected:
    using end_of_call = std::optional<grpc::Status>; // nothing: the call goes on

    ~fetch_session() = default;

    // Both check the whole request before they act on it. begin() calls start().
    virtual end_of_call begin(const request& first) = 0;
    virtual end_of_call proceed(const request& next) = 0;
    // Called when the next event to send is older than the retention: ends the call, or moves it with move_to().
    virtual end_of_call recover() = 0;
    // Says that the events in front of this index of the log are on their way.
    virtual void sent(std::size_t) {}
    // Adds the answer to what the client asked besides events. Returns false if there is none.
    virtual bool add_answer(response&) { return false; }
    // What else ends the call, and when to ask again.
    virtual end_of_call ended() { return std::nullopt; }
    virtual steady::time_point ends_at() const { return steady::time_point::max(); }

    void start(const std::string& topic_name, std::size_t index) {
        topic_ = topic_name;
        next_ = index;
        last_response_ = steady::now();
    }
    void move_to(std::size_t index) { next_ = index; }

    world& world_;
    const rpc rpc_;
    std::string topic_; // empty until the first request was taken

  private:
    static constexpr std::int64_t max_credits = 100;

    end_of_call take(const request& next) {
        if (topic_.empty()) {
            if (auto code = world_.fault.take_open_error()) return rpc_.error(*code, "The stream fails on request.");
            if (auto error = begin(next)) return error;
        } else if (auto error = proceed(next)) {
            return error;
        }
        credits_ = std::min(max_credits, credits_ + next.num_requested());
        return std::nullopt;
    }

    end_of_call send_what_is_due() {
        while (credits_ > 0) {
            auto page = world_.salesforce.read(topic_, next_, static_cast<std::size_t>(credits_));
            if (page.expired) {
                if (auto error = recover()) return error;
                continue;
            }
            next_ = page.next;
            const bool keepalive_due = steady::now() >= last_response_ + world_.settings.keepalive;
            if (page.events.empty() && !keepalive_due) break;

            response message;
            for (auto& [counter, event] : page.events) {
                auto* consumed = message.add_events();
                consumed->set_replay_id(org::replay_id(counter));
                consumed->mutable_event()->set_id(std::move(event.id));
                consumed->mutable_event()->set_schema_id(std::move(event.schema_id));
                consumed->mutable_event()->set_payload(std::move(event.payload));
            }
            credits_ -= message.events_size();
            message.set_latest_replay_id(page.latest_replay_id);
            world_.count.delivered += static_cast<std::uint64_t>(message.events_size());
            sent(next_);
            add_answer(message);
            if (!write(message)) return grpc::Status::CANCELLED;
            if (page.events.empty()) break;
        }
        return send_answer() ? std::nullopt : end_of_call(grpc::Status::CANCELLED);
    }

    // An answer that no events or keepalive could take along. It has no latest_replay_id, because without credits there
    // may be events in front of that position. Returns false if the call is broken.
    bool send_answer() {
        response message;
        return !add_answer(message) || write(message);
    }

    bool write(response& message) {
        message.set_rpc_id(rpc_.id());
        message.set_pending_num_requested(static_cast<std::int32_t>(credits_));
        if (!call_.write(message)) return false;
        last_response_ = steady::now();
        return true;
    }

    bool out_of_credits() const { return !topic_.empty() && credits_ == 0; }

    steady::time_point next_deadline() const {
        if (topic_.empty()) return steady::now() + std::chrono::seconds(60);
        return last_response_ + (out_of_credits() ? world_.settings.credit_timeout : world_.settings.keepalive);
    }

    call_type& call_;
    const std::uint64_t interruptions_seen_;
    std::size_t next_ = 0; // index into the org's log
    std::int64_t credits_ = 0;
    steady::time_point last_response_;
};

// The client says where it starts. Topic and position count in the first request only.
class subscribe_session final : public fetch_session<eventbus::v1::FetchRequest, eventbus::v1::FetchResponse> {
  public:
    subscribe_session(world& of, grpc::CallbackServerContext& context, call_type& call)
        : fetch_session(of, context, call, "Subscribe") {}

  private:
    end_of_call begin(const eventbus::v1::FetchRequest& first) override {
        if (auto error = rpc_.topic_error(first.topic_name())) return error;
        if (world_.fault.topic_code(first.topic_name()) == rpc::cannot_subscribe)
            return rpc_.error(rpc::cannot_subscribe, "Your user cannot subscribe to this topic.");
        const bool custom = first.replay_preset() == eventbus::v1::CUSTOM;
        if (custom && first.replay_id().empty())
            return rpc_.error("subscription.fetch.replayid.validation.failed", "CUSTOM needs a replay id.");
        const auto index =
            world_.salesforce.locate(custom                                            ? replay_preset::custom
                                     : first.replay_preset() == eventbus::v1::EARLIEST ? replay_preset::earliest
                                                                                       : replay_preset::latest,
                                     first.replay_id());
        if (!index) return recover();
        if (auto error = count_error(first)) return error;
        start(first.topic_name(), *index);
        spdlog::info("subscription to {} from {}", topic_, eventbus::v1::ReplayPreset_Name(first.replay_preset()));
        return std::nullopt;
    }

    end_of_call proceed(const eventbus::v1::FetchRequest& next) override {
        if (!next.topic_name().empty() && next.topic_name() != topic_)
            return rpc_.error("subscription.fetch.topic.mismatch", "A stream cannot change its topic.");
        return count_error(next);
    }

    end_of_call recover() override {
        return rpc_.error("subscription.fetch.replayid.corrupted", "The replay id is not valid or has expired.");
    }

    end_of_call count_error(const eventbus::v1::FetchRequest& of) const {
        if (of.num_requested() > 0) return std::nullopt;
        return rpc_.error("subscription.fetch.requested.events.invalid", "num_requested must be above zero.");
    }
};

// The org knows where the client starts, and the client commits how far it has got.
class managed_session final
    : public fetch_session<eventbus::v1::ManagedFetchRequest, eventbus::v1::ManagedFetchResponse> {
  public:
    managed_session(world& of, grpc::CallbackServerContext& context, call_type& call)
        : fetch_session(of, context, call, "ManagedSubscribe") {}

  private:
    using fetch = eventbus::v1::ManagedFetchRequest;
    struct releases {
        void operator()(managed_subscription* held) const { held->release(); }
    };

    end_of_call begin(const fetch& first) override {
        if (first.has_commit_replay_id_request())
            return rpc_.error("managed.subscription.commit.request.restricted", "The first request cannot commit.");
        if (!first.auth_refresh().empty())
            return rpc_.error("managed.subscription.auth.request.restricted",
                              "The first request cannot refresh the authentication.");
        if (first.subscription_id().empty() == first.developer_name().empty())
            return rpc_.error("managed.subscription.id.or.developer.name.empty",
                              "The first request needs either a subscription id or a developer name.");
        const std::string& id = first.subscription_id();
        if (!id.empty() && id.size() != 15 && id.size() != 18)
            return rpc_.error("managed.subscription.subscription.id.invalid",
                              "A subscription id has 15 or 18 characters.");
        managed_subscription* const found =
            id.empty() ? world_.managed.find_name(first.developer_name()) : world_.managed.find_id(id);
        if (!found && id.empty())
            return rpc_.error("managed.subscription.developer.name.not.found",
                              "There is no managed subscription " + first.developer_name() + ".");
        if (!found)
            return rpc_.error("managed.subscription.subscription.id.not.found",
                              "There is no managed subscription " + id + ".");
        if (auto error = count_error(first)) return error;
        std::size_t index = 0;
        if (const auto code = found->acquire(index))
            return rpc_.error(*code, "The managed subscription " + found->name() + " cannot be used now.");
        held_.reset(found);
        start(found->topic_name(), index);
        last_commit_ = steady::now();
        spdlog::info("managed subscription {} to {}, {}", found->name(), topic_,
                     found->committed() ? "behind its position" : "without a position");
        return std::nullopt;
    }

    end_of_call proceed(const fetch& next) override {
        const bool same_id = next.subscription_id().empty() || held_->has_id(next.subscription_id());
        const bool same_name = next.developer_name().empty() || next.developer_name() == held_->name();
        if (!same_id || !same_name)
            return rpc_.error("managed.subscription.fetch.request.invalid",
                              "A stream cannot change its subscription.");
        if (auto error = count_error(next)) return error;
        if (next.has_commit_replay_id_request()) commit(next.commit_replay_id_request());
        return std::nullopt;
    }

    // Salesforce does not answer each commit: of those that came together it answers the last one.
    void commit(const eventbus::v1::CommitReplayRequest& wanted) {
        last_commit_ = steady::now();
        answer_.emplace();
        answer_->set_commit_request_id(wanted.commit_request_id());
        answer_->set_replay_id(wanted.replay_id());
        answer_->set_process_time(
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
                .count());
        if (const auto refusal = held_->commit(wanted.replay_id())) {
            answer_->mutable_error()->set_code(eventbus::v1::COMMIT);
            answer_->mutable_error()->set_msg(*refusal);
            spdlog::info("a commit to {} is refused: {}", held_->name(), *refusal);
        }
    }

    bool add_answer(eventbus::v1::ManagedFetchResponse& to) override {
        if (!answer_) return false;
        *to.mutable_commit_response() = std::move(*answer_);
        answer_.reset();
        return true;
    }

    void sent(std::size_t end) override { held_->sent(end); }

    // The client has no position to choose, so the org goes on by itself.
    end_of_call recover() override {
        move_to(held_->default_start());
        return std::nullopt;
    }

    end_of_call ended() override {
        if (!held_) return std::nullopt;
        if (const std::string code = held_->ended_with(); !code.empty())
            return rpc_.error(code, "The managed subscription " + held_->name() + " was ended.");
        // It was seen in a live org that this end has no error code.
        if (steady::now() >= ends_at())
            return grpc::Status(grpc::DEADLINE_EXCEEDED, "No commit came for "
                                                             + std::to_string(world_.settings.commit_timeout.count())
                                                             + " ms. rpcId: " + rpc_.id());
        return std::nullopt;
    }
    steady::time_point ends_at() const override {
        return held_ ? last_commit_ + world_.settings.commit_timeout : steady::time_point::max();
    }

    // No events may be asked for, but then there must be something else in the request.
    end_of_call count_error(const fetch& of) const {
        if (of.num_requested() < 0)
            return rpc_.error("managed.subscription.fetch.request.events.invalid",
                              "num_requested must not be below zero.");
        if (of.num_requested() == 0 && !of.has_commit_replay_id_request() && of.auth_refresh().empty())
            return rpc_.error("managed.subscription.fetch.request.invalid",
                              "The request neither asks for events nor commits.");
        return std::nullopt;
    }

    std::unique_ptr<managed_subscription, releases> held_; // set by the first request
    std::optional<eventbus::v1::CommitReplayResponse> answer_;
    steady::time_point last_commit_;
};

} // namespace emulator
