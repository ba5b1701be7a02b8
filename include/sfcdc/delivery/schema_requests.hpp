// Which schemas the events of a delivery need, which of them were asked for, and what the answer was.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <sfcdc/backoff.hpp>
#include <sfcdc/limits.hpp>

namespace sfcdc::inline v0::detail {

enum class schema_state : std::uint8_t { wanted, asked, known, refused };

// The state of one schema, and why or until when it is in it.
struct schema_status {
    schema_state state = schema_state::wanted;
    std::string reason{};                 // why it was refused
    time_point until = time_point::min(); // wanted: not asked for before; refused: asked for again from here on
};

// A schema is asked for once, until there is an answer. No more than limits::schemas_of_a_topic are remembered: each further one is
// refused.
class schema_requests {
  public:
    schema_requests(std::uint64_t seed, const backoff::options& waits, std::chrono::minutes refused_time)
        : wait_(seed, waits), refused_time_(refused_time) {}

    schema_requests(const schema_requests&) = delete; // It holds a pointer into itself.
    schema_requests& operator=(const schema_requests&) = delete;

    // Returns the state of a schema, which is wanted from now on if it was not. The reference lives until the next call of a function that
    // is not const.
    const schema_status& of(std::string_view id, time_point now) {
        if (last_ == nullptr || last_->first != id) last_ = &entry_of(id); // nearly always it is the same one again
        schema_status& s = last_->second;
        if (s.state == schema_state::refused && now >= s.until) s = {};
        return s;
    }

    // The answers, which also end the waits between attempts. Nothing changes with an id that is one too many.
    void known(std::string_view id) { answered(id, {schema_state::known}); }
    void refused(std::string_view id, std::string_view reason, time_point now) {
        answered(id, {schema_state::refused, std::string(reason), now + refused_time_});
    }
    // It could not be asked for, and is wanted again after a wait.
    void unavailable(std::string_view id, time_point now) {
        entry& e = entry_of(id);
        if (&e != &too_many_) e.second = {schema_state::wanted, {}, now + wait_.next()};
    }

    // Returns the id of a schema that is to be asked for now, and takes it as asked for; nothing when there is none.
    std::optional<std::string> take_wanted(time_point now) {
        for (auto& [id, s] : schemas_) {
            if (s.state != schema_state::wanted || now < s.until) continue;
            s.state = schema_state::asked;
            return id;
        }
        return std::nullopt;
    }

    // When take_wanted() may have something; nothing while no schema is wanted.
    std::optional<time_point> poll_timeout() const {
        std::optional<time_point> first;
        for (const auto& [id, s] : schemas_)
            if (s.state == schema_state::wanted) first = std::min(first.value_or(s.until), s.until);
        return first;
    }

  private:
    using entry = std::pair<const std::string, schema_status>;

    void answered(std::string_view id, schema_status s) {
        const auto at = schemas_.find(std::string(id));
        if (at == schemas_.end() && schemas_.size() >= limits::schemas_of_a_topic) return;
        wait_.reset();
        schemas_[std::string(id)] = std::move(s);
    }
    entry& entry_of(std::string_view id) {
        if (const auto at = schemas_.find(std::string(id)); at != schemas_.end()) return *at;
        if (schemas_.size() >= limits::schemas_of_a_topic) return too_many_;
        return *schemas_.try_emplace(std::string(id)).first;
    }

    std::unordered_map<std::string, schema_status> schemas_; // its elements stay where they are
    entry* last_ = nullptr;
    entry too_many_{
        "",
        {schema_state::refused, "the topic has had more schemas than limits::schemas_of_a_topic", time_point::max()}};
    backoff wait_;
    std::chrono::minutes refused_time_;
};

} // namespace sfcdc::inline v0::detail
