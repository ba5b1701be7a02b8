// Puts values that are found by a visit of each row into a column of an Arrow batch: the way for what has no place in the payload, and
// for values that take a conversion of their own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sfcdc/row/arrow_column.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/column.hpp>
#include <sfcdc/row/columns_to_update.hpp>
#include <sfcdc/wire/appender.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/hex.hpp>

namespace sfcdc::inline v0::row::detail {

// Puts the value of one row into a column. It is a row_visitor, and lives no longer than the column and `scratch`, which texts are made
// in.
class arrow_visitor {
  public:
    arrow_visitor(arrow_column& to, std::size_t row, const column& c, std::string& scratch) noexcept
        : to_(to), row_(row), column_(c), scratch_(scratch) {}

    void null() {}
    void boolean(bool v) { to_.put_boolean(row_, v); }
    void integer(std::int32_t v) { to_.put_number(row_, v); }
    void bigint(std::int64_t v) { to_.put_number(row_, v); }
    void floating(double v) { to_.put_number(row_, v); }
    void decimal(std::string_view digits) { to_.put_decimal(row_, digits, column_.scale); }
    void date(std::int32_t days) { to_.put_number(row_, days); }
    void timestamp(std::int64_t us) { to_.put_number(row_, us); }
    void string(std::string_view v, std::size_t = 0) { to_.put_text(row_, v); }
    template<class Range> void string_array(const Range& texts) { to_.put_texts(row_, texts); }
    void string_array(const columns_to_update& names) {
        const bound_layout& bound = names.bound();
        if (!names.are_all() || !bound.settable_names_are_ascii()) return to_.put_texts(row_, names);
        to_.put_joined_texts(row_, bound.settable_names(), bound.settable_ends());
    }
    void binary(std::span<const std::byte> v) { to_.put_bytes(row_, v); }
    void hex(std::span<const std::byte> v) {
        scratch_.clear();
        wire::append_hex(scratch_, v);
        to_.put_text(row_, scratch_);
    }
    void base64(std::span<const std::byte> v) {
        scratch_.clear();
        wire::append_base64(scratch_, v);
        to_.put_text(row_, scratch_);
    }
    template<class Append> void made_text(Append&& append) {
        scratch_.clear();
        {
            wire::appender out(scratch_);
            to_.add_replaced(append(out));
        }
        to_.put_text(row_, scratch_);
    }

  private:
    arrow_column& to_;
    const std::size_t row_;
    const column& column_;
    std::string& scratch_;
};

} // namespace sfcdc::inline v0::row::detail
