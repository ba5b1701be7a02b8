// One credential for all pipelines that need it: it is asked for once, whoever asks first, and what the service says holds for all.
#pragma once

#include "../operations/failure.hpp"
#include "http.hpp"
#include "pause.hpp"

#include <sfcdc/backoff.hpp>

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

struct broker_waits {
    // After a refusal the service is not asked again before `refused`, and after so many `refusals` in a row not before `rested`: repeated
    // refused logins lock a user. Other credentials (a secret file was replaced) start anew.
    std::chrono::milliseconds refused{60'000};
    unsigned refusals = 3;
    std::chrono::milliseconds rested{3'600'000};
    backoff::options unavailable{}; // between two requests that had no answer: 0.5 to 30 s
};

// Used from any thread. No lock is held while the service is asked (the credentials are read under it, from files); who waits for somebody else's request is woken by a stop at once.
template<class Credential> class broker {
  public:
    // What is sent, expanded: it tells one refusal from another.
    using sent = std::string;
    // Asks the service once. Throws failure(refused), or http::unavailable when another try may help.
    using ask = std::function<Credential(const std::stop_token&)>;

    struct issued {
        Credential credential{};
        unsigned generation = 0; // counts from 1
    };

    broker(std::function<sent()> what_is_sent, ask asking, broker_waits waits = {})
        : what_is_sent_(std::move(what_is_sent)),
          ask_(std::move(asking)),
          waits_(waits),
          wait_(std::random_device{}(), waits.unavailable) {}

    // Returns the credential that is in use, if it is newer than the generation `refused` and still good; otherwise a new one, for which
    // the service is asked unless another thread does already. A service that was unavailable is asked again when its wait is over, so that
    // this may block for minutes. Throws failure(refused), also for a refusal that is remembered; http::unavailable; and stopped.
    issued newer_than(unsigned refused, const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        for (;;) {
            const auto now = clock::now();
            if (current_.generation > refused && current_.credential.good(now)) return current_;
            if (!asking_) {
                const sent credentials = what_is_sent_();
                if (refusals_ > 0 && credentials == refused_
                    && now < refused_at_ + (refusals_ < waits_.refusals ? waits_.refused : waits_.rested))
                    std::rethrow_exception(refusal_);
                if (now >= unavailable_until_) return ask_service(lock, credentials, stop);
                changed_.wait_until(lock, stop, unavailable_until_,
                                    [&] { return asking_ || unavailable_until_ <= clock::now(); });
                if (stop.stop_requested()) throw stopped{};
                continue;
            }
            // The outcome of the request that is under way is the outcome for all who wait for it.
            const unsigned request = requests_;
            changed_.wait(lock, stop, [&] { return !asking_ || requests_ != request; });
            if (stop.stop_requested()) throw stopped{};
            if (requests_ == request && outcome_) std::rethrow_exception(outcome_);
        }
    }

  private:
    using clock = std::chrono::steady_clock;

    issued ask_service(std::unique_lock<std::mutex>& lock, const sent& credentials, const std::stop_token& stop) {
        asking_ = true;
        ++requests_;
        outcome_ = nullptr;
        lock.unlock();
        std::optional<Credential> fresh;
        std::exception_ptr why_not, refused;
        std::optional<http::unavailable> unavailable;
        try {
            fresh = ask_(stop);
        } catch (const http::unavailable& u) {
            why_not = std::current_exception();
            unavailable = u;
        } catch (const failure& f) {
            why_not = std::current_exception();
            if (f.code() == exit_code::refused) refused = why_not;
        } catch (...) {
            why_not = std::current_exception();
        }
        lock.lock();
        asking_ = false;
        changed_.notify_all();
        if (fresh) {
            current_ = {std::move(*fresh), current_.generation + 1};
            refusals_ = 0;
            wait_.reset();
            return current_;
        }
        // A request that was given up says nothing: another thread asks again.
        if (stop.stop_requested()) throw stopped{};
        outcome_ = why_not;
        if (refused) {
            refusals_ = credentials == refused_ ? refusals_ + 1 : 1;
            refused_ = credentials;
            refusal_ = refused;
            refused_at_ = clock::now();
        } else if (unavailable) {
            const auto wait = std::max<std::chrono::milliseconds>(
                wait_.next(), unavailable->retry_after.value_or(std::chrono::seconds(0)));
            unavailable_until_ = clock::now() + wait;
            spdlog::warn("{}; next try in {} ms", unavailable->reason, wait.count());
        }
        std::rethrow_exception(why_not);
    }

    const std::function<sent()> what_is_sent_;
    const ask ask_;
    const broker_waits waits_;

    std::mutex mutex_;
    std::condition_variable_any changed_;
    issued current_;
    bool asking_ = false;
    unsigned requests_ = 0;
    std::exception_ptr outcome_; // of the last request, if it failed

    unsigned refusals_ = 0; // in a row, of the credentials refused_
    sent refused_;
    std::exception_ptr refusal_;
    clock::time_point refused_at_{};
    backoff wait_;
    clock::time_point unavailable_until_{};
};

} // namespace sfcdc::runner
