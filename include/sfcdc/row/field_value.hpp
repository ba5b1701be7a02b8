// The value of a field as the value of its column.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <sfcdc/avro/read.hpp>
#include <sfcdc/avro/value.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/column.hpp>
#include <sfcdc/row/convert.hpp>
#include <sfcdc/row/json_writer.hpp>
#include <sfcdc/row/visitor.hpp>

namespace sfcdc::inline v0::row {

// The items of a text that semicolons separate, as Salesforce writes a multi-select picklist. A view.
class semicolon_list {
  public:
    explicit semicolon_list(std::string_view text) noexcept : text_(text) {}

    class iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(std::string_view rest) noexcept : rest_(rest), done_(rest.empty()) {}
        std::string_view operator*() const noexcept { return rest_.substr(0, rest_.find(';')); }
        iterator& operator++() noexcept {
            const std::size_t at = rest_.find(';');
            done_ = at == std::string_view::npos;
            if (!done_) rest_.remove_prefix(at + 1);
            return *this;
        }
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.done_; }

      private:
        std::string_view rest_;
        bool done_ = true;
    };
    iterator begin() const noexcept { return iterator(text_); }
    std::default_sentinel_t end() const noexcept { return {}; }

  private:
    std::string_view text_;
};

namespace detail {

// Shows a visitor a value that begins at `at` in the payload. False, and nothing is called, when the column cannot hold it.
// Then `known` is false, too, if the value's type is needed for the conversion.
template<row_visitor V>
[[gnu::always_inline]] inline bool visit_simple(const column& c, conversion how, const avro::sound_payload& payload,
                                                std::uint32_t at, V& v, bool& known) {
    const auto give = [](const auto& made, auto&& to) { return made ? (to(*made), true) : false; };
    switch (how) {
    case conversion::none: return false;
    case conversion::text: {
        const std::string_view text = payload.text(at);
        return v.string(text, payload.readable(text)), true;
    }
    case conversion::boolean: return v.boolean(payload.boolean(at)), true;
    case conversion::bigint: return v.bigint(payload.integer(at)), true;
    case conversion::double_: return v.floating(payload.double_(at)), true;
    case conversion::float_to_double: return v.floating(static_cast<double>(payload.float_(at))), true;
    case conversion::integer_to_double: return v.floating(static_cast<double>(payload.integer(at))), true;
    case conversion::integer: {
        const std::int64_t n = payload.integer(at);
        if (n != static_cast<std::int32_t>(n)) return false;
        return v.integer(static_cast<std::int32_t>(n)), true;
    }
    case conversion::ms_to_timestamp:
        return give(microseconds_of(payload.integer(at)), [&](std::int64_t us) { v.timestamp(us); });
    case conversion::ms_to_date: return give(days_of(payload.integer(at)), [&](std::int32_t days) { v.date(days); });
    case conversion::ms_to_time:
        return give(time_of(payload.integer(at)), [&](const short_text& text) { v.string(text); });
    case conversion::double_to_decimal:
        return give(decimal_of(payload.double_(at), c.precision, c.scale),
                    [&](const short_text& text) { v.decimal(text); });
    case conversion::integer_to_decimal:
        return give(decimal_of(payload.integer(at), c.precision, c.scale),
                    [&](const short_text& text) { v.decimal(text); });
    case conversion::text_to_array: return v.string_array(semicolon_list(payload.text(at))), true;
    default: return known = false;
    }
}

// The conversions that need to know the value's type; Salesforce has few such values.
template<row_visitor V>
[[gnu::noinline]] bool visit_by_type(const column& c, conversion how, const avro::value& value, const cdc::event& e,
                                     V& v) {
    if (how == conversion::by_value) how = conversion_from(value.type(), c.type());
    switch (how) {
    case conversion::symbol: {
        std::string_view text;
        return value.read(text), v.string(text), true;
    }
    case conversion::bytes: {
        std::span<const std::byte> bytes;
        return value.read(bytes), v.binary(bytes), true;
    }
    case conversion::json: {
        const auto append = [&](wire::appender& out) {
            json_writer writer(out);
            writer.value(value);
            return writer.replaced();
        };
        return v.made_text(append), true;
    }
    default: break;
    }
    bool known = true;
    return visit_simple(c, how, avro::sound_payload(e.payload()), value.offset(), v, known);
}

// Takes whatever a column calls, and keeps nothing.
struct nothing_kept {
    void null() {}
    void boolean(bool) {}
    void integer(std::int32_t) {}
    void bigint(std::int64_t) {}
    void floating(double) {}
    void decimal(std::string_view) {}
    void date(std::int32_t) {}
    void timestamp(std::int64_t) {}
    void string(std::string_view, std::size_t = 0) {}
    template<class Range> void string_array(const Range&) {}
    void binary(std::span<const std::byte>) {}
    void hex(std::span<const std::byte>) {}
    void base64(std::span<const std::byte>) {}
    template<class Append> void made_text(Append&&) {}
};

} // namespace detail

// Shows a visitor the value of a field in one of its columns. Precondition: the field has a value. False, and nothing is
// called, when the column cannot hold the value.
template<row_visitor V>
[[gnu::always_inline]] inline bool visit_field(const column& c, const bound_field& b, const cdc::event& e, V& v) {
    bool known = true;
    const bool held = detail::visit_simple(c, b.how, avro::sound_payload(e.payload()), e.offset(b.field), v, known);
    if (!known) [[unlikely]]
        return detail::visit_by_type(c, b.how, e.value(b.field), e, v);
    return held;
}

// Whether a column of a field can hold the value that the field has. Precondition: the field has one.
inline bool fits(const column& c, const bound_field& b, const cdc::event& e) noexcept {
    detail::nothing_kept nowhere;
    return !may_not_fit(b.how) || visit_field(c, b, e, nowhere);
}

} // namespace sfcdc::inline v0::row
