// Which events of a pipeline become rows, as the keys of its configuration say that leave events out.
#pragma once

#include "../config/config.hpp"

#include <sfcdc/cdc/event.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

// What keeps an event from becoming rows.
enum class left_out_by : std::uint8_t {
    nothing,     // it becomes rows
    entity,      // entities, exclude_entities
    change_type, // exclude_change_types
    origin,      // exclude_origins
    fields,      // skip_if_only, only_if_changed
    time,        // --from with a time
};
inline constexpr std::size_t left_out_reasons = 6;
// "entity", "change_type", "origin", "fields", "time"; "nothing".
std::string_view to_string(left_out_by reason) noexcept;

class event_filter {
  public:
    // `not_before`: what was committed earlier is left out; ms since 1970 in UTC, as in the header.
    explicit event_filter(const event_filter_config& config, std::optional<std::int64_t> not_before = {});

    // The first key that leaves the event out, in the order of the enum.
    left_out_by judge(const cdc::event& event) const {
        return keeps_all_ ? left_out_by::nothing : judge_by_keys(event);
    }

  private:
    using names = std::set<std::string, std::less<>>;

    left_out_by judge_by_keys(const cdc::event& event) const;
    bool is_of_interest(const cdc::event& event) const;

    const names entities_, excluded_, uninteresting_, interesting_;
    const std::vector<std::string> change_types_, origins_;
    const std::optional<std::int64_t> not_before_;
    const bool keeps_all_;
};

} // namespace sfcdc::runner
