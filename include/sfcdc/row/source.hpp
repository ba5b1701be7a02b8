// What a row is made from: an event, what the protocol says around it, and one of its records. An event of several records
// can be several rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/layout.hpp>

namespace sfcdc::inline v0::row {

// Which of an event's records a row is for. Layouts with one row an event have the first one only.
struct record {
    std::uint32_t ordinal = 0;
    std::string_view id; // empty: no single record
};

// The header's members that go into rows, read in one go. Of a platform event nothing and 0.
struct header_values {
    explicit header_values(const cdc::event& e) noexcept {
        const cdc::event_header h = e.header();
        entity_name = h.entity_name();
        record_ids = h.record_ids();
        change_type = h.change_type_name();
        change_origin = h.change_origin();
        transaction_key = h.transaction_key();
        sequence_number = h.sequence_number();
        commit_timestamp = h.commit_timestamp();
        commit_number = h.commit_number();
        commit_user = h.commit_user();
    }
    cdc::string_list record_ids;
    std::string_view entity_name, change_type, change_origin, transaction_key, commit_user;
    std::int32_t sequence_number = 0;
    std::int64_t commit_timestamp = 0, commit_number = 0;
};

// Views; ends with what it was made from.
struct source {
    source(const cdc::event& e, const envelope& a, const record& r, const bound_layout* b = nullptr) noexcept
        : event(e),
          around(a),
          of(r),
          bound(b),
          states(e.field_states()),
          header(e),
          commit_ms(e.has_header() ? header.commit_timestamp : created(e, a.received_timestamp)) {}
    const cdc::event& event;
    const envelope& around;
    const record& of;
    const bound_layout* bound; // null where no column needs it
    cdc::event::states states;
    header_values header;
    std::int64_t commit_ms;

  private:
    // Of a platform event, as it says itself if it does.
    [[gnu::noinline]] static std::int64_t created(const cdc::event& e, std::int64_t received) noexcept {
        const auto at = e.get<std::int64_t>(e.plan().find("CreatedDate"));
        return at ? at.value : received;
    }
};

// Calls f(record) once for each row that the event gives in this layout; at least once, also without record ids.
template<class F> void for_each_row(const layout& l, const cdc::event& e, F&& f) {
    const auto single = [](std::string_view id) { // "001*" is all accounts, the other stands for an overflow
        const bool several = id.ends_with('*') || (id.starts_with("000") && id == "000000000000000AAA");
        return several ? std::string_view() : id;
    };
    std::uint32_t ordinal = 0;
    const auto row = [&](std::string_view id) {
        if (ordinal == 0 || l.rows() == granularity::record) f(record{ordinal++, single(id)});
    };
    for (const std::string_view id : e.header().record_ids()) row(id);
    if (ordinal == 0) f(record{});
}

} // namespace sfcdc::inline v0::row
