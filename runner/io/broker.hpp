// One credential for all pipelines that need it: it is asked for once, whoever asks first, and what the service says holds for all.
#pragma once

#include "../operations/failure.hpp"
#include "../operations/heartbeat.hpp"
#include "http.hpp"
#include "pause.hpp"

#include <sfcdc/call/patience.hpp>

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <utility>

namespace sfcdc::runner {

struct broker_options {
    // Waits and budgets are those of every call. A refusal is remembered for refused_wait, the last of so many `refusals` in a row for
    // `rested`: repeated refused logins lock a user.
    call::patience_options patience{};
    std::chrono::milliseconds rested{3'600'000};
};

// Used from any thread. The service is asked without a lock, and who waits for somebody else's request is woken by a stop at once. (The
// credentials are read under the lock: they are in memory or in files.)
template<class Credential> class broker {
  public:
    // Asks the service once. Throws failure(refused), or http::unavailable when another try may help.
    using request = std::function<Credential(const std::stop_token&)>;

    struct issued {
        Credential credential{};
        unsigned generation = 0; // counts from 1
    };

    // `identity` tells the credentials that would be sent now from others: a refusal holds for the same ones only.
    broker(std::function<std::string()> identity, request ask, broker_options options = {})
        : identity_(std::move(identity)), ask_(std::move(ask)), options_(options) {
        begin_anew({});
    }

    // Returns the credential that is in use, if it is newer than the generation `refused` and still good; otherwise a new one, for which
    // the service is asked unless another thread does already. A service that was unavailable is asked again when its wait is over, so that
    // this may block for minutes. Throws failure(refused), also for a refusal that is remembered; http::unavailable; and stopped.
    issued newer_than(unsigned refused, const std::stop_token& stop) {
        const heartbeat::waits for_the_service;
        std::unique_lock lock(mutex_);
        for (;;) {
            const auto now = clock::now();
            if (current_.generation > refused && current_.credential.good(now)) return current_;
            if (!asking_) {
                if (std::string credentials = identity_(); refusal_ && credentials != asked_with_)
                    begin_anew(std::move(credentials)); // a secret file was replaced
                else
                    asked_with_ = std::move(credentials);
                if (now >= next_at_) return ask_service(lock, stop);
                if (refusal_) std::rethrow_exception(refusal_);
                changed_.wait_until(lock, stop, next_at_, [&] { return asking_ || next_at_ <= clock::now(); });
                if (stop.stop_requested()) throw stopped{};
                continue;
            }
            // The outcome of the request that is under way is the outcome for all who wait for it.
            const unsigned awaited = requests_;
            changed_.wait(lock, stop, [&] { return !asking_ || requests_ != awaited; });
            if (stop.stop_requested()) throw stopped{};
            if (requests_ == awaited && outcome_) std::rethrow_exception(outcome_);
        }
    }

  private:
    using clock = std::chrono::steady_clock;

    // Credentials are believed until the service has refused them several times: what was written wrong ends the pipelines that asked
    // at their first refusal, and the service is left alone.
    void begin_anew(std::string credentials) {
        patience_ = call::patience(options_.patience, std::random_device{}());
        patience_.healthy();
        asked_with_ = std::move(credentials);
        refusal_ = nullptr;
        next_at_ = clock::time_point::min();
    }

    issued ask_service(std::unique_lock<std::mutex>& lock, const std::stop_token& stop) {
        asking_ = true;
        ++requests_;
        outcome_ = nullptr;
        lock.unlock();
        std::optional<Credential> fresh;
        std::exception_ptr why_not, refusal;
        std::optional<http::unavailable> unavailable;
        try {
            fresh = ask_(stop);
        } catch (const http::unavailable& u) {
            why_not = std::current_exception();
            unavailable = u;
        } catch (const failure& f) {
            why_not = std::current_exception();
            if (f.code() == exit_code::refused) refusal = why_not;
        } catch (...) {
            why_not = std::current_exception();
        }
        lock.lock();
        asking_ = false;
        changed_.notify_all();
        if (fresh) {
            current_ = {std::move(*fresh), current_.generation + 1};
            begin_anew(std::move(asked_with_));
            return current_;
        }
        // A request that was given up says nothing: another thread asks again.
        if (stop.stop_requested()) throw stopped{};
        outcome_ = why_not;
        const auto now = clock::now();
        if (refusal) {
            refusal_ = refusal;
            const call::next_attempt next = patience_.after(call::token_answer::refused, now);
            next_at_ = next ? next.at : now + options_.rested;
        } else if (unavailable) {
            refusal_ = nullptr;
            next_at_ = std::max(patience_.after(call::token_answer::unavailable, now).at,
                                now + unavailable->retry_after.value_or(std::chrono::seconds(0)));
            spdlog::warn("{}; next try in {} ms", unavailable->reason,
                         std::chrono::ceil<std::chrono::milliseconds>(next_at_ - now).count());
        }
        std::rethrow_exception(why_not);
    }

    const std::function<std::string()> identity_;
    const request ask_;
    const broker_options options_;

    std::mutex mutex_;
    std::condition_variable_any changed_;
    issued current_;
    bool asking_ = false;
    unsigned requests_ = 0;
    std::exception_ptr outcome_; // of the last request, if it failed

    call::patience patience_{{}, 0};
    std::string asked_with_;     // the identity of the credentials that were sent last
    std::exception_ptr refusal_; // the service's last word, if it was one
    clock::time_point next_at_;  // the service is not asked before
};

} // namespace sfcdc::runner
