#include "event_filter.hpp"

#include "../names.hpp"

#include <algorithm>

namespace sfcdc::runner {
namespace {

// A compound stands for its components: "BillingAddress" for "BillingAddress.City".
template<class Names> bool names_field(const Names& names, std::string_view field) {
    return names.contains(field) || names.contains(field.substr(0, field.find('.')));
}

bool matches_one(const std::vector<std::string>& patterns, std::string_view text) {
    return std::ranges::any_of(patterns, [&](const std::string& pattern) { return matches(pattern, text); });
}

} // namespace

std::int64_t committed_at(const cdc::event& event) {
    if (event.has_header()) return event.header().commit_timestamp();
    return event.get<std::int64_t>(event.plan().find("CreatedDate")).value;
}

event_filter::event_filter(const event_filter_config& config)
    : entities_(config.entities.begin(), config.entities.end()),
      excluded_(config.exclude_entities.begin(), config.exclude_entities.end()),
      uninteresting_(config.skip_if_only.begin(), config.skip_if_only.end()),
      interesting_(config.only_if_changed.begin(), config.only_if_changed.end()),
      change_types_(config.exclude_change_types),
      origins_(config.exclude_origins),
      keeps_all_(entities_.empty() && excluded_.empty() && uninteresting_.empty() && interesting_.empty()
                 && change_types_.empty() && origins_.empty()) {}

// A platform event has no header that a key could ask for, and says in a field when it was published.
left_out_by event_filter::judge_by_keys(const cdc::event& event) const {
    if (not_before_ && committed_at(event) < *not_before_) return left_out_by::time;
    if (!event.has_header()) return left_out_by::nothing;
    const cdc::event_header header = event.header();
    const std::string_view entity = header.entity_name();
    if ((!entities_.empty() && !entities_.contains(entity)) || excluded_.contains(entity)) return left_out_by::entity;
    if (matches_one(change_types_, cdc::to_string(header.change_type()))) return left_out_by::change_type;
    if (matches_one(origins_, header.change_origin())) return left_out_by::origin;
    return is_of_interest(event) ? left_out_by::nothing : left_out_by::fields;
}

// Creations, deletions and gaps have no lists; an update that names nothing is of interest, since nothing is known of it.
bool event_filter::is_of_interest(const cdc::event& event) const {
    if (uninteresting_.empty() && interesting_.empty()) return true;
    if (event.header().change_type() != cdc::change_type::update) return true;
    bool any = false, others = false, wanted = false;
    for (const cdc::field_list& list : {event.changed_fields(), event.nulled_fields(), event.diff_fields()})
        for (const std::string_view field : list) {
            any = true;
            others = others || !names_field(uninteresting_, field);
            wanted = wanted || names_field(interesting_, field);
        }
    return !any || (others && (interesting_.empty() || wanted));
}

} // namespace sfcdc::runner
