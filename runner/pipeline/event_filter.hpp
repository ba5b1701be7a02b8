// Which events of a pipeline become rows, as the keys of its configuration say that leave events out.
#pragma once

#include "../config/config.hpp"
#include "../operations/left_out.hpp"

#include <sfcdc/cdc/event.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

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
