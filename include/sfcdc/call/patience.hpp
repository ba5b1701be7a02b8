// Decides when a call is tried again and when it is over: one policy for Subscribe, for GetTopic and GetSchema, for tokens
// and for the streams of Zerobus. A call without a machine of its own uses it like this:
//
//     call::patience patience(options, seed);
//     for (call::next_attempt next; next;) { // the first attempt is due at once
//         wait_until(next.at);
//         if (next.remedy == call::remedy::renew_token)
//             next = patience.after(ask_for_token(), clock.now());
//         else if (const auto end = perform_call(); end.status == wire::grpc_status::ok)
//             return;
//         else
//             next = patience.after(pubsub::remedy_for(end.error_code, end.status), clock.now());
//     }
//     // Over: patience.next().budget_used_up says whether the server refused the call or there were too many attempts.
//
// Five rules hold for all of them:
//
//   An outage ends nothing.      Attempts are not bounded unless an option says so.
//   Expiry is no failure.        The first new token since there was health, or since the last token has become old, is asked
//                                for at once and counts nowhere.
//   Health forgives.             healthy() gives all budgets back and makes the waits short again.
//   Health earns patience.       What was healthy is tried again after a refusal of any kind, `refusals` times in all and
//                                refused_wait apart; what never was healthy is over at the first one, because then the
//                                configuration is wrong.
//   A refusal is remembered.     next().at says when asking again may give another answer. Whoever shares a service (a login,
//                                say) with others asks next() before the service.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string_view>

#include <sfcdc/backoff.hpp>
#include <sfcdc/call/remedy.hpp>

namespace sfcdc::inline v0::call {

// The waits between attempts, and how many failures are taken before a run is over.
struct patience_options {
    static constexpr unsigned unlimited = std::numeric_limits<unsigned>::max();

    // Waits between attempts, by remedy: retry (and renew_token, token_answer::unavailable), slow_down, wait_hours.
    backoff::options waits{}; // 0.5 to 30 s
    backoff::options slow_waits{std::chrono::minutes(1), std::chrono::minutes(10)};
    backoff::options hour_waits{std::chrono::hours(2), std::chrono::hours(2)}; // one to two hours
    // The wait behind a refusal. Repeated refused logins lock the user: more than one a minute is too many.
    std::chrono::milliseconds refused_wait{60'000};
    // A token that is older than this when the server does not accept it has expired, whatever happened since there was
    // health. Salesforce's sessions live for 15 minutes at least, Databricks' tokens for an hour.
    std::chrono::milliseconds token_life{600'000};

    // Budgets: each counts what happens without health in between, and is at least one (token_renewals may be none).
    unsigned attempts = unlimited; // the last of so many calls that end, for whatever reason, is the end
    unsigned faulty_calls = 5;     // so many calls on which the server broke the protocol are a refusal
    unsigned token_renewals = 3;   // so many new tokens behind the first one; then it is a refusal
    unsigned refusals = 3;         // the last of so many refusals is the end

    constexpr bool valid() const noexcept { return attempts >= 1 && faulty_calls >= 1 && refusals >= 1; }
};

// This is what a token service says to a request for a token.
enum class token_answer : std::uint8_t {
    renewed,
    refused,     // it does not accept the credentials
    unavailable, // it could not be asked
};

// Returns the name of the enumerator; "unknown" for a number that names none.
constexpr std::string_view to_string(token_answer value) noexcept {
    switch (value) {
    case token_answer::renewed: return "renewed";
    case token_answer::refused: return "refused";
    case token_answer::unavailable: return "unavailable";
    }
    return "unknown";
}

// Converts to true when there is one: the call is over with `stop`, and waits for a decision with `choose_position`.
struct next_attempt {
    call::remedy remedy = call::remedy::retry; // what is to be done: ask for a token, or (retry, slow_down, ...) call
    time_point at = time_point::min();         // not before; when it is over: asking again sooner would be useless
    bool budget_used_up = false; // it is over, or was refused, because there were too many attempts of a kind

    explicit constexpr operator bool() const noexcept {
        return remedy != call::remedy::stop && remedy != call::remedy::choose_position;
    }
};

// Deterministic for a seed; holds no clock. One for each call that is kept alive, and for each token service.
class patience {
  public:
    patience(patience_options options, std::uint64_t seed) noexcept
        : options_(options),
          wait_(seed, options.waits),
          slow_wait_(seed + 1, options.slow_waits),
          hour_wait_(seed + 2, options.hour_waits) {}

    // A call has ended, and its table says what helps. find_row and choose_position are the machine's own to deal with: they
    // are given back as they are, and use no budget.
    next_attempt after(call::remedy what, time_point now) noexcept {
        switch (what) {
        case remedy::find_row:
        case remedy::choose_position: return next_ = {what, now};
        case remedy::stop: return refused(remedy::retry, false, now);
        case remedy::renew_token: return token_not_accepted(now);
        case remedy::slow_down: return attempt(what, slow_wait_, now);
        case remedy::wait_hours: return attempt(what, hour_wait_, now);
        case remedy::retry: break;
        }
        return attempt(remedy::retry, wait_, now);
    }

    // A new token was asked for.
    next_attempt after(token_answer answer, time_point now) noexcept {
        switch (answer) {
        case token_answer::renewed: break;
        case token_answer::refused: return refused(remedy::renew_token, false, now);
        case token_answer::unavailable: return attempt(remedy::renew_token, wait_, now);
        }
        token_old_at_ = now + options_.token_life;
        return next_ = {remedy::retry, now};
    }

    // The call was given up because the server broke the protocol: the same request may have the same answer for ever.
    next_attempt after_faulty_call(time_point now) noexcept {
        return ++faulty_calls_ >= options_.faulty_calls ? refused(remedy::retry, true, now)
                                                        : attempt(remedy::retry, wait_, now);
    }

    // The call has ended as it should, but nothing came of it. Waits as after a failure, and uses no budget.
    next_attempt after_idle_call(time_point now) noexcept { return next_ = {remedy::retry, now + wait_.next()}; }

    // The server has done what it is there for.
    void healthy() noexcept {
        attempts_ = faulty_calls_ = renewals_ = refusals_ = 0;
        was_healthy_ = true;
        wait_.reset();
        slow_wait_.reset();
        hour_wait_.reset();
    }

    // Returns what was decided last.
    const next_attempt& next() const noexcept { return next_; }
    bool was_healthy() const noexcept { return was_healthy_; }

  private:
    next_attempt attempt(call::remedy what, backoff& wait, time_point now) noexcept {
        if (++attempts_ >= options_.attempts) return over(true, now);
        return next_ = {what, now + wait.next()};
    }

    next_attempt token_not_accepted(time_point now) noexcept {
        if (now >= token_old_at_) renewals_ = 0;
        if (renewals_ == 0) {
            renewals_ = 1;
            return next_ = {remedy::renew_token, now};
        }
        if (renewals_ > options_.token_renewals) return refused(remedy::renew_token, true, now);
        ++renewals_;
        return attempt(remedy::renew_token, wait_, now);
    }

    // May be a fault on the other side, or a change that is taken back.
    next_attempt refused(call::remedy then, bool budget_used_up, time_point now) noexcept {
        const bool last = ++attempts_ >= options_.attempts || !was_healthy_;
        if (last || ++refusals_ >= options_.refusals) return over(budget_used_up, now);
        renewals_ = faulty_calls_ = 0;
        return next_ = {then, now + options_.refused_wait, budget_used_up};
    }

    next_attempt over(bool budget_used_up, time_point now) noexcept {
        return next_ = {remedy::stop, now + options_.refused_wait, budget_used_up};
    }

    patience_options options_;
    backoff wait_, slow_wait_, hour_wait_;
    unsigned attempts_ = 0, faulty_calls_ = 0, renewals_ = 0, refusals_ = 0; // since there was health
    bool was_healthy_ = false;
    time_point token_old_at_ = time_point::max(); // the last token that was given
    next_attempt next_{};
};

} // namespace sfcdc::inline v0::call
