// The members of ChangeEventHeader, read from the payload when they are asked for.
// Source: Change Data Capture Developer Guide, "ChangeEventHeader Fields".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/cdc/change_type.hpp>
#include <sfcdc/cdc/header_members.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/cdc/string_list.hpp>
#include <sfcdc/cdc/usual_header.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/byte_view.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/varint.hpp>

namespace sfcdc::inline v0::cdc {

// A view into the payload, and into the plan if it came from an event; it ends with them. For a platform event, which has no
// header, and for a member that the schema lacks, a getter gives nothing or 0.
class event_header {
  public:
    event_header() = default;

    std::string_view entity_name() const noexcept { return text(header_member::entity_name); }
    // Record ids; not always of one record ("001*" stands for all accounts, GAP_OVERFLOW has none).
    string_list record_ids() const noexcept { return strings(header_member::record_ids); }
    cdc::change_type change_type() const noexcept { return change_type_from(change_type_name(), symbol_number()); }
    // The symbol as the schema spells it. Without a plan it is one of change_type_symbols.
    std::string_view change_type_name() const noexcept {
        if (at(header_member::change_type) == absent) return {};
        const std::uint64_t number = symbol_number();
        if (plan_ != nullptr) return plan_->change_type_symbol(number);
        if (number >= std::size(change_type_symbols)) return {};
        return change_type_symbols[static_cast<std::size_t>(number)];
    }
    std::string_view change_origin() const noexcept { return text(header_member::change_origin); }
    std::string_view transaction_key() const noexcept { return text(header_member::transaction_key); }
    std::int32_t sequence_number() const noexcept {
        return static_cast<std::int32_t>(integer(header_member::sequence_number));
    }
    // Milliseconds since the epoch, UTC.
    std::int64_t commit_timestamp() const noexcept { return integer(header_member::commit_timestamp); }
    // Above 2^53 on some instances: not to be handled as a double.
    std::int64_t commit_number() const noexcept { return integer(header_member::commit_number); }
    std::string_view commit_user() const noexcept { return text(header_member::commit_user); }
    // The bitmaps as Salesforce wrote them; event::changed_fields() and its siblings have them as names.
    string_list nulled_fields() const noexcept { return strings(header_member::nulled_fields); }
    string_list diff_fields() const noexcept { return strings(header_member::diff_fields); }
    string_list changed_fields() const noexcept { return strings(header_member::changed_fields); }

  private:
    friend class event;
    friend result<event_header> read_header(wire::byte_view bytes) noexcept;

    static constexpr std::uint32_t absent = 0xffff'ffff;

    std::uint32_t at(header_member m) const noexcept { return begins_[index_of(m)]; }
    const std::byte* begin(header_member m) const noexcept { return payload_.data() + at(m); }
    std::uint64_t symbol_number() const noexcept {
        return static_cast<std::uint64_t>(integer(header_member::change_type));
    }
    std::string_view text(header_member m) const noexcept {
        if (at(m) == absent) return {};
        const auto length = static_cast<std::uint32_t>(*begin(m));
        if (length >= 0x80) [[unlikely]]
            return long_text(m);
        return wire::as_chars({begin(m) + 1, length / 2});
    }
    [[gnu::noinline]] std::string_view long_text(header_member m) const noexcept {
        return avro::cursor(payload_, at(m)).read_string();
    }
    std::int64_t integer(header_member m) const noexcept {
        if (at(m) == absent) return 0;
        std::uint64_t raw = 0;
        const std::byte* from = begin(m);
        const std::byte* const end = payload_.data() + payload_.size();
        static_cast<void>(wire::read_varint(from, end, raw)); // The decoder has read it before.
        return wire::zigzag_decode(raw);
    }
    string_list strings(header_member m) const noexcept {
        if (at(m) == absent) return {};
        return {payload_, at(m)};
    }

    std::span<const std::byte> payload_;
    std::array<std::uint32_t, header_member_count> begins_ = all_absent();
    const plan* plan_ = nullptr; // Without a plan the symbols are those of change_type_symbols.

    static constexpr std::array<std::uint32_t, header_member_count> all_absent() noexcept {
        std::array<std::uint32_t, header_member_count> begins{};
        begins.fill(absent);
        return begins;
    }
};

namespace detail {

// Moves the cursor over a member of the header, of any form.
inline void skip_member(avro::cursor& in, avro::type type) noexcept {
    switch (type) {
    case avro::type::string: in.read_bytes(); return;
    case avro::type::long_: in.read_long(); return;
    case avro::type::array:
        while (std::uint64_t count = in.read_block())
            for (; count > 0 && !in.failed(); --count) in.read_bytes();
        return;
    default: in.read_int(); return; // An enum is encoded as an int.
    }
}

} // namespace detail

// Reads the header without a schema, for routing and indexing: in every change event it is the same record in front. What
// is behind it is not looked at. For a payload that is not a change event the error is only likely, not certain.
inline result<event_header> read_header(wire::byte_view bytes) noexcept {
    const std::span<const std::byte> payload = bytes.span();
    constexpr std::uint32_t any_change_type = 128;
    result<event_header> out;
    if (payload.size() > limits::payload_bytes) {
        out.error = {errc::payload_too_large, 0};
        return out;
    }
    std::array<std::uint32_t, header_member_count>& begins = out.value.begins_;
    out.value.payload_ = payload;
    if (detail::read_usual_header(payload, any_change_type, begins.data()) != 0) [[likely]]
        return out;
    avro::cursor in(payload);
    for (const header_member_type& m : header_members) {
        begins[index_of(m.id)] = in.offset();
        detail::skip_member(in, m.type);
    }
    out.error = in.error();
    if (out.error) out.value = {};
    return out;
}
// The header would outlive the payload, into which it looks.
template<wire::owning_temporary R> result<event_header> read_header(R&&) = delete;

} // namespace sfcdc::inline v0::cdc
