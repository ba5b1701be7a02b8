// What the checks of `sfcdc doctor` have found, as lines and as JSON.
#pragma once

#include "../operations/failure.hpp"

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc::runner::doctor {

enum class verdict : std::uint8_t {
    good,
    unknown, // it cannot be told, for lack of a permission, say; nothing follows from that
    skipped, // another check would have to be good first
    warning, // the pipeline works, and somebody should look at this
    failed,
};

// Returns the name of the enumerator, as lines and JSON have it.
constexpr std::string_view to_string(verdict value) noexcept {
    switch (value) {
    case verdict::good: return "good";
    case verdict::unknown: return "unknown";
    case verdict::skipped: return "skipped";
    case verdict::warning: return "warning";
    case verdict::failed: return "failed";
    }
    return "unknown";
}

// What a check says, without whose check it is.
struct judgement {
    verdict is = verdict::good;
    std::string what{};                  // one sentence without its full stop
    std::string fix{};                   // what to do, so, too; empty: nothing
    exit_code code = exit_code::refused; // where it has failed
};

struct finding {
    std::string check;   // "tls": a name that stays the same from version to version
    std::string subject; // whose check it is: a key of the configuration, a topic, a table
    judgement said;
};

// Makes "failed   tls of [salesforce] login_url: WHAT. Fix: FIX." It is one line, bounded and without secrets.
std::string line_of(const finding& f);

// Makes a judgement of a failure, whose message is "WHAT; FIX.": what is behind the last "; " is the fix.
judgement judgement_of(const failure& f);

// Used by one thread.
class report {
  public:
    // `tell` is given each finding when it is there.
    explicit report(std::function<void(const finding&)> tell = {}) : tell_(std::move(tell)) {}

    // Returns whether it is good, or no more than a warning or unknown.
    bool add(std::string check, std::string subject, judgement said);
    bool good(std::string check, std::string subject, std::string what) {
        return add(std::move(check), std::move(subject), {verdict::good, std::move(what)});
    }
    // `needed` is the check that would have to be good: "login of [salesforce]".
    void skip(std::string check, std::string subject, const std::string& needed) {
        add(std::move(check), std::move(subject), {verdict::skipped, "it needs " + needed});
    }

    const std::vector<finding>& findings() const noexcept { return findings_; }
    std::size_t count(verdict of) const noexcept;
    // The greatest code of what has failed; ok where nothing has.
    exit_code code() const noexcept;

    // One object; docs/operations.md describes its members.
    std::string json() const;
    // "31 checks: 29 good, 1 warning, 1 failed."
    std::string summary() const;

  private:
    std::function<void(const finding&)> tell_;
    std::vector<finding> findings_;
};

} // namespace sfcdc::runner::doctor
