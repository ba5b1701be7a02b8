// What a row is made from: an event, what the protocol says around it, and one of its records. An event of several records
// can be several rows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/wire/text.hpp>
#include <sfcdc/wire/varint.hpp>

namespace sfcdc::row {

// Which of an event's records a row is for. Layouts with one row an event have the first one only.
struct record {
    std::uint32_t ordinal = 0;
    std::string_view id; // empty: no single record
};

namespace detail {

// Reads the header of an event from its start, where its members stand side by side. The decoder has found all of it
// sound, so that what cannot be read is not there.
class header_reader {
  public:
    explicit header_reader(std::span<const std::byte> payload) noexcept
        : at_(payload.data()), end_(at_ + payload.size()) {}

    [[gnu::always_inline]] inline std::int64_t integer() noexcept {
        std::uint64_t raw = 0;
        static_cast<void>(wire::read_varint(at_, end_, raw));
        return wire::zigzag_decode(raw);
    }
    [[gnu::always_inline]] inline std::string_view text() noexcept {
        std::int64_t length = integer();
        if (length < 0 || length > end_ - at_) length = 0;
        const std::span<const std::byte> bytes(at_, static_cast<std::size_t>(length));
        at_ += length;
        return wire::as_chars(bytes);
    }
    // An array of texts: calls f(text) for each.
    template<class F> void texts(F&& f) {
        while (const std::int64_t count = integer()) {
            if (count < 0) integer(); // the size of the block
            std::uint64_t left = static_cast<std::uint64_t>(count);
            if (count < 0) left = ~left + 1;
            for (; left > 0 && at_ != end_; --left) f(text());
        }
    }
    std::uint32_t offset_in(std::span<const std::byte> payload) const noexcept {
        return static_cast<std::uint32_t>(at_ - payload.data());
    }

  private:
    const std::byte* at_;
    const std::byte* end_;
};

} // namespace detail

// The header's members that go into rows, read in one go. Of a platform event nothing and 0.
struct header_values {
    explicit header_values(const cdc::event& e) noexcept {
        if (e.plan().has_usual_header())
            read_usual(e);
        else
            read(e.header());
    }
    cdc::string_list record_ids;
    std::string_view entity_name, change_type, change_origin, transaction_key, commit_user;
    std::int32_t sequence_number = 0;
    std::int64_t commit_timestamp = 0, commit_number = 0;

  private:
    void read(const cdc::event_header& h) noexcept {
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
    void read_usual(const cdc::event& e) noexcept { // in the order of the schema
        detail::header_reader in(e.payload());
        entity_name = in.text();
        record_ids = {e.payload(), in.offset_in(e.payload())};
        in.texts([](std::string_view) {});
        const avro::schema& schema = e.plan().schema();
        const auto symbols = schema.symbols(schema[e.plan()[e.plan().header().change_type].node]);
        if (const auto index = static_cast<std::uint64_t>(in.integer()); index < symbols.size())
            change_type = symbols[static_cast<std::size_t>(index)];
        change_origin = in.text();
        transaction_key = in.text();
        sequence_number = static_cast<std::int32_t>(in.integer());
        commit_timestamp = in.integer();
        commit_number = in.integer();
        commit_user = in.text();
    }
};

// Views; ends with what it was made from.
struct source {
    source(const cdc::event& e, const envelope& a, const record& r) noexcept
        : event(e), around(a), of(r), header(e) {}
    const cdc::event& event;
    const envelope& around;
    const record& of;
    header_values header;
};

// Calls f(record) once for each row that the event gives in this layout; at least once, also without record ids.
template<class F> void for_each_row(const layout& l, const cdc::event& e, F&& f) {
    const auto single = [](std::string_view id) { // "001*" is all accounts, the other stands for an overflow
        return id.find('*') == std::string_view::npos && id != "000000000000000AAA" ? id : std::string_view();
    };
    std::uint32_t ordinal = 0;
    const auto row = [&](std::string_view id) {
        if (ordinal == 0 || l.rows() == granularity::record) f(record{ordinal++, single(id)});
    };
    if (e.plan().has_usual_header()) {
        detail::header_reader in(e.payload());
        in.text(); // the entity's name
        in.texts(row);
    } else {
        for (const std::string_view id : e.header().record_ids()) row(id);
    }
    if (ordinal == 0) f(record{});
}

} // namespace sfcdc::row
