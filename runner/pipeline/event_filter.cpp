#include "event_filter.hpp"

namespace sfcdc::runner {

bool event_filter::is_kept(const cdc::event& event) const {
    const cdc::event_header header = event.header();
    const std::string_view entity = header.entity_name();
    if (!entities_.empty() && !entities_.contains(entity)) return false;
    if (excluded_.contains(entity)) return false;
    // Creations, deletions and gaps have no lists; an update that names nothing is kept, since nothing is known of it.
    if (uninteresting_.empty() || header.change_type() != cdc::change_type::update) return true;
    bool any = false;
    for (const cdc::field_list& list : {event.changed_fields(), event.nulled_fields(), event.diff_fields()})
        for (const std::string_view field : list) {
            any = true;
            if (!is_uninteresting(field)) return true;
        }
    return !any;
}

// A compound stands for its components: "BillingAddress" for "BillingAddress.City".
bool event_filter::is_uninteresting(std::string_view field) const {
    return uninteresting_.contains(field) || uninteresting_.contains(field.substr(0, field.find('.')));
}

} // namespace sfcdc::runner
