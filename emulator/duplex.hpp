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

    // The object deletes itself when gRPC is done with the call. A request becomes visible `latency` after its
    // arrival.
    static duplex* serve(std::chrono::milliseconds latency, script run) {
        auto* call = new duplex(latency, std::move(run));
        // At once: clients such as tonic wait for the headers before they send anything.
        call->StartSendInitialMetadata();
        call->StartRead(&call->incoming_);
        std::thread([call] { call->Finish(call->script_(*call)); }).detach();
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

    bool write(const response& message) {
        {
            std::lock_guard lock(mutex_);
            writing_ = true;
        }
        this->StartWrite(&message);
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return !writing_; });
        return written_;
    }

    void wait_until(steady::time_point deadline) {
        std::unique_lock lock(mutex_);
        if (!inbox_.empty()) deadline = std::min(deadline, inbox_.front().due);
        changed_.wait_until(lock, deadline, [&] { return rung_; });
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
    static constexpr std::size_t inbox_limit = 64;

    duplex(std::chrono::milliseconds latency, script run) : latency_(latency), script_(std::move(run)) {}
    ~duplex() = default;

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
    bool reading_paused_ = false;
    bool half_closed_ = false;
    bool cancelled_ = false;
    bool writing_ = false;
    bool written_ = false;
    bool rung_ = false;
};

} // namespace emulator
