// Values of any Avro type, read with nothing but their schema.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/skipper.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/wire/bytes.hpp>

namespace sfcdc::inline v0::avro {

// True for the C++ types that value::read() and event::get() take.
template<class T>
inline constexpr bool is_readable_as =
    std::is_same_v<T, bool> || std::is_same_v<T, std::int32_t> || std::is_same_v<T, std::int64_t>
    || std::is_same_v<T, float> || std::is_same_v<T, double> || std::is_same_v<T, std::string_view>
    || std::is_same_v<T, std::span<const std::byte>>;

// One value of any type, seen in the payload. Unions are looked through. Views end with the payload.
class value {
  public:
    value() = default;
    value(const schema& s, std::uint32_t node, std::span<const std::byte> payload, std::uint32_t at) noexcept
        : schema_(&s), node_(node), payload_(payload), at_(at) {
        if (s[node_].type == type::union_) [[unlikely]]
            look_through();
    }

    // The type's number in its schema; meaningless for a value of no schema.
    std::uint32_t node() const noexcept { return node_; }
    avro::type type() const noexcept { return schema_ == nullptr ? type::null : (*schema_)[node_].type; }

    // Where it begins in the payload, behind the branch index if it is of a union.
    std::uint32_t offset() const noexcept { return at_; }

    // Bytes of the payload from the start of this string on; 0 for a string that was not read from it.
    std::size_t readable(std::string_view text) const noexcept {
        if (text.data() == nullptr) return 0;
        return static_cast<std::size_t>(wire::as_chars(payload_).data() + payload_.size() - text.data());
    }

    // Reads the value as T, when its type is that or converts without loss: bool; std::int32_t; std::int64_t (int, long);
    // float; double (float, double); std::string_view (string, enum symbol); std::span<const std::byte> (bytes, fixed,
    // string). Returns false, and leaves `out` as it is, when the type is another one.
    template<class T> bool read(T& out) const noexcept {
        static_assert(is_readable_as<T>, "no Avro type is read as this C++ type: bool, std::int32_t, std::int64_t, "
                                         "float, double, std::string_view and "
                                         "std::span<const std::byte> are");
        if constexpr (std::is_same_v<T, std::string_view>)
            if (read_short_string(out)) [[likely]]
                return true;
        return read_as(out);
    }

    // Calls f(value) for each item of an array, f(key, value) for each entry of a map, f(name, value) for each field of
    // a record, in their order; does nothing for other types.
    template<class F> void for_each_item(F&& f) const {
        if (type() == type::array)
            for_each_in_blocks([&](cursor& in) { f(value(*schema_, item_node(), payload_, in.offset())); });
    }
    template<class F> void for_each_entry(F&& f) const {
        if (type() != type::map) return;
        for_each_in_blocks([&](cursor& in) {
            const std::string_view key = in.read_string();
            f(key, value(*schema_, item_node(), payload_, in.offset()));
        });
    }
    template<class F> void for_each_field(F&& f) const {
        if (type() != type::record) return;
        cursor in(payload_, at_);
        for (const schema::field& field : schema_->fields((*schema_)[node_])) {
            f(std::string_view(field.name), value(*schema_, field.node, payload_, in.offset()));
            skipper(*schema_, in).skip(field.node);
        }
    }

  private:
    // Not in line, so that the constructor may be: an optional field's value is that of its type already.
    [[gnu::noinline]] void look_through() noexcept {
        while (own_node().type == type::union_) {
            cursor in(payload_, at_);
            const std::uint32_t branch = skipper(*schema_, in).read_index(own_node().count, errc::bad_union_index);
            node_ = schema_->branches(own_node())[branch];
            at_ = in.offset();
        }
    }

    cursor begin() const noexcept { return schema_ == nullptr ? cursor({}) : cursor(payload_, at_); }
    const schema::node& own_node() const noexcept { return (*schema_)[node_]; }

    // A string whose length is one byte, as that of most.
    bool read_short_string(std::string_view& out) const noexcept {
        if (type() != type::string || at_ >= payload_.size()) return false;
        const std::byte* const begin = payload_.data() + at_;
        const std::size_t length = static_cast<std::size_t>(*begin) / 2;
        const bool is_short = length < 0x40 && length < payload_.size() - at_;
        if (is_short) [[likely]]
            out = wire::as_chars({begin + 1, length});
        return is_short;
    }

    bool read_as(bool& out) const noexcept {
        if (type() != type::boolean) return false;
        out = begin().read_boolean();
        return true;
    }
    bool read_as(std::int32_t& out) const noexcept {
        if (type() != type::int_) return false;
        out = begin().read_int();
        return true;
    }
    bool read_as(std::int64_t& out) const noexcept {
        const avro::type t = type();
        if (t != type::int_ && t != type::long_) return false;
        out = begin().read_long();
        return true;
    }
    bool read_as(float& out) const noexcept {
        if (type() != type::float_) return false;
        out = begin().read_float();
        return true;
    }
    bool read_as(double& out) const noexcept {
        const avro::type t = type();
        if (t != type::double_ && t != type::float_) return false;
        out = t == type::double_ ? begin().read_double() : static_cast<double>(begin().read_float());
        return true;
    }
    bool read_as(std::string_view& out) const noexcept {
        const avro::type t = type();
        if (t == type::string) {
            out = begin().read_string();
            return true;
        }
        if (t != type::enum_) return false;
        cursor in = begin();
        const std::uint32_t index = skipper(*schema_, in).read_index(own_node().count, errc::bad_enum_index);
        out = schema_->symbols(own_node())[index];
        return true;
    }
    bool read_as(std::span<const std::byte>& out) const noexcept {
        const avro::type t = type();
        if (t == type::fixed) {
            out = payload_.subspan(at_, own_node().first);
            return true;
        }
        if (t != type::bytes && t != type::string) return false;
        out = begin().read_bytes();
        return true;
    }
    template<class T> bool read_as(T&) const noexcept { return false; } // The static_assert in read() has refused T.

    std::uint32_t item_node() const noexcept { return (*schema_)[node_].first; }

    template<class F> void for_each_in_blocks(F&& f) const {
        cursor in(payload_, at_);
        while (std::uint64_t count = in.read_block()) {
            for (; count > 0 && !in.failed(); --count) {
                f(in);
                skipper(*schema_, in).skip(item_node());
            }
            if (in.failed()) return;
        }
    }

    const schema* schema_ = nullptr;
    std::uint32_t node_ = 0;
    std::span<const std::byte> payload_;
    std::uint32_t at_ = 0;
};

} // namespace sfcdc::inline v0::avro
