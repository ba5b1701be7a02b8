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

// When an event was committed, or published: ms since 1970 in UTC. 0 where it does not say.
std::int64_t committed_at(const cdc::event& event);

class event_filter {
  public:
    explicit event_filter(const event_filter_config& config);

    // From now on, what was committed before this time is left out; ms since 1970 in UTC, as in the header.
    void leave_out_before(std::int64_t time) {
        not_before_ = time;
        keeps_all_ = false;
    }

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
    std::optional<std::int64_t> not_before_;
    bool keeps_all_;
};

} // namespace sfcdc::runner
