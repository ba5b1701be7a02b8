// One two-way call, served by a thread of its own that reads like a script: take requests, write responses, wait.
// It stands on gRPC's callback interface because only there a server may end a call while a read is still open.
#pragma once

#include "bells.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <grpcpp/grpcpp.h>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace emulator {

using steady = std::chrono::steady_clock;

template<typename request, typename response>
class duplex final : public grpc::ServerBidiReactor<request, response>, public bell {
  public:
    using script = std::function<grpc::Status(duplex&)>;

    // The object deletes itself when gRPC is done with the call. Messages are on their way for `latency` in both
    // directions, any number of them at a time.
    static duplex* serve(std::chrono::milliseconds latency, script run) {
        auto* call = new duplex(latency, std::move(run));
        // At once: clients such as tonic wait for the headers before they send anything.
        call->StartSendInitialMetadata();
        call->StartRead(&call->incoming_);
        std::thread([call] {
            const grpc::Status status = call->script_(*call);
            call->drain_outbox();
            call->Finish(status);
        }).detach();
        return call;
    }

    std::optional<request> take_request() {
        std::unique_lock lock(mutex_);
        if (inbox_.empty() || inbox_.front().due > steady::now()) return std::nullopt;
        std::optional<request> taken(std::move(inbox_.front().message));
        inbox_.pop_front();
        const bool resume = std::exchange(reading_paused_, false);
        lock.unlock();
        if (resume) this->StartRead(&incoming_);
        return taken;
    }

    // The client has half-closed and every request was taken.
    bool drained() const {
        std::lock_guard lock(mutex_);
        return half_closed_ && inbox_.empty();
    }

    bool cancelled() const {
        std::lock_guard lock(mutex_);
        return cancelled_;
    }

    // Without latency it returns when gRPC has taken the message. False when the call is broken.
    bool write(const response& message) {
        std::unique_lock lock(mutex_);
        outbox_.push_back({steady::now() + latency_, message});
        send_due(lock);
        if (latency_.count() == 0) changed_.wait(lock, [&] { return !writing_ && outbox_.empty(); });
        return written_;
    }

    void wait_until(steady::time_point deadline) {
        std::unique_lock lock(mutex_);
        if (!inbox_.empty()) deadline = std::min(deadline, inbox_.front().due);
        for (;;) {
            send_due(lock); // lets go of the lock: the bell may have rung meanwhile
            if (rung_ || steady::now() >= deadline) break;
            changed_.wait_until(lock,
                                outbox_.empty() || writing_ ? deadline : std::min(deadline, outbox_.front().due));
        }
        rung_ = false;
    }

    void ring() override {
        std::lock_guard lock(mutex_);
        rung_ = true;
        changed_.notify_all();
    }

  private:
    struct arrival {
        steady::time_point due;
        request message;
    };
    struct departure {
        steady::time_point due;
        response message;
    };
    static constexpr std::size_t inbox_limit = 64;

    duplex(std::chrono::milliseconds latency, script run) : latency_(latency), script_(std::move(run)) {}
    ~duplex() = default;

    // Starts the write that is due, if gRPC is free for it.
    void send_due(std::unique_lock<std::mutex>& lock) {
        if (writing_ || outbox_.empty() || outbox_.front().due > steady::now()) return;
        outgoing_ = std::move(outbox_.front().message);
        outbox_.pop_front();
        writing_ = true;
        lock.unlock();
        this->StartWrite(&outgoing_);
        lock.lock();
    }

    // The status travels as long as a message, behind the last one.
    void drain_outbox() {
        std::unique_lock lock(mutex_);
        const auto arrives = steady::now() + latency_;
        while (!cancelled_ && (writing_ || !outbox_.empty() || steady::now() < arrives)) {
            send_due(lock);
            if (writing_)
                changed_.wait(lock);
            else
                changed_.wait_until(lock, outbox_.empty() ? arrives : outbox_.front().due);
        }
        changed_.wait(lock, [&] { return !writing_; });
    }

    void OnReadDone(bool ok) override {
        bool read_on = false;
        {
            std::lock_guard lock(mutex_);
            if (ok) {
                inbox_.push_back({steady::now() + latency_, std::move(incoming_)});
                incoming_ = request();
                read_on = inbox_.size() < inbox_limit;
                reading_paused_ = !read_on;
            } else {
                half_closed_ = true;
            }
            rung_ = true;
            changed_.notify_all();
        }
        if (read_on) this->StartRead(&incoming_);
    }

    void OnWriteDone(bool ok) override {
        std::lock_guard lock(mutex_);
        writing_ = false;
        written_ = ok;
        if (!ok) outbox_.clear();
        changed_.notify_all();
    }

    void OnCancel() override {
        std::lock_guard lock(mutex_);
        cancelled_ = true;
        rung_ = true;
        changed_.notify_all();
    }

    void OnDone() override { delete this; }

    const std::chrono::milliseconds latency_;
    const script script_;
    request incoming_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<arrival> inbox_;
    std::deque<departure> outbox_;
    response outgoing_;
    bool reading_paused_ = false;
    bool half_closed_ = false;
    bool cancelled_ = false;
    bool writing_ = false;
    bool written_ = true; // the last one
    bool rung_ = false;
};

} // namespace emulator
