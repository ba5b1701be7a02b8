// Which events of a pipeline become rows, as its keys entities, exclude_entities and skip_if_only say.
#pragma once

#include "../config.hpp"

#include <sfcdc/cdc/event.hpp>

#include <functional>
#include <set>
#include <string>

namespace sfcdc::runner {

class event_filter {
  public:
    explicit event_filter(const event_filter_config& config)
        : entities_(config.entities.begin(), config.entities.end()),
          excluded_(config.exclude_entities.begin(), config.exclude_entities.end()),
          uninteresting_(config.skip_if_only.begin(), config.skip_if_only.end()) {}

    bool keeps(const cdc::event& event) const { return keeps_all_ || is_kept(event); }

  private:
    using names = std::set<std::string, std::less<>>;

    bool is_kept(const cdc::event& event) const;
    bool is_uninteresting(std::string_view field) const;

    const names entities_, excluded_, uninteresting_;
    const bool keeps_all_ = entities_.empty() && excluded_.empty() && uninteresting_.empty();
};

} // namespace sfcdc::runner
