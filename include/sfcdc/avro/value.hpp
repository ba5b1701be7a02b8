// Values of any Avro type, read with nothing but their schema: how the walk over a datum gets past types that have no op
// of their own, and how a user reads what is deeper than one level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/bytes.hpp>

namespace sfcdc::avro {

// Moves a cursor over values of any type; checks every count, length and index on the way.
class skipper {
  public:
    skipper(const schema& s, cursor& in) noexcept : schema_(s), in_(in) {}

    void skip(std::uint32_t node, int depth = 0) noexcept {
        if (depth > limits::datum_depth) return in_.fail(errc::datum_too_deep);
        const schema::node& n = schema_[node];
        switch (n.type) {
        case type::null: return;
        case type::boolean: in_.read_boolean(); return;
        case type::int_: in_.read_int(); return;
        case type::long_: in_.read_long(); return;
        case type::float_: in_.skip(4); return;
        case type::double_: in_.skip(8); return;
        case type::fixed: in_.skip(n.first); return;
        case type::bytes:
        case type::string: in_.read_bytes(); return;
        case type::enum_: read_index(n.count, errc::bad_enum_index); return;
        case type::union_: {
            const std::uint32_t branch = read_index(n.count, errc::bad_union_index);
            if (!in_.failed()) skip(schema_.branches(n)[branch], depth + 1);
            return;
        }
        case type::record:
            for (const schema::field& f : schema_.fields(n)) {
                const std::byte* const start = in_.position();
                skip(f.node, depth + 1);
                if (in_.failed()) return;
                count_if_empty(
                    start); // nulls, and records of empty records: few types can make 2^60 values of no bytes
            }
            return;
        case type::array:
        case type::map: return skip_blocks(n, depth);
        }
    }

    // An enum or union index, checked; 0 after a failure.
    std::uint32_t read_index(std::uint32_t count, errc code) noexcept {
        const std::byte* const start = in_.position();
        const std::int64_t index = in_.read_long();
        if (index >= 0 && index < count) [[likely]]
            return static_cast<std::uint32_t>(index);
        in_.fail(code, start);
        return 0;
    }

  private:
    void skip_blocks(const schema::node& n, int depth) noexcept {
        while (std::uint64_t count = in_.read_block()) {
            while (count-- > 0 && !in_.failed()) {
                const std::byte* const start = in_.position();
                if (n.type == type::map) in_.read_bytes();
                skip(n.first, depth + 1);
                count_if_empty(start);
            }
            if (in_.failed()) return;
        }
    }
    void count_if_empty(const std::byte* start) noexcept {
        if (in_.position() == start && ++empty_items_ > limits::empty_items) in_.fail(errc::too_many_empty_items);
    }

    const schema& schema_;
    cursor& in_;
    std::uint64_t empty_items_ = 0;
};

// One value of any type, seen in the payload. Unions are looked through. Views end with the payload.
class value {
  public:
    value() = default;
    value(const schema& s, std::uint32_t node, std::span<const std::byte> payload, std::uint32_t at) noexcept
        : schema_(&s), node_(node), payload_(payload), at_(at) {
        while (s[node_].type == type::union_) {
            cursor in(payload_, at_);
            node_ = s.branches(s[node_])[skipper(s, in).read_index(s[node_].count, errc::bad_union_index)];
            at_ = in.offset();
        }
    }

    // The type's number in its schema; meaningless for a value of no schema.
    std::uint32_t node() const noexcept { return node_; }
    avro::type type() const noexcept { return schema_ == nullptr ? type::null : (*schema_)[node_].type; }

    // Bytes of the payload from the start of this string on; 0 for a string that was not read from it.
    std::size_t readable(std::string_view text) const noexcept {
        if (text.data() == nullptr) return 0;
        return static_cast<std::size_t>(wire::as_chars(payload_).data() + payload_.size() - text.data());
    }

    // Reads the value as T, when its type is that or converts without loss: bool; std::int32_t; std::int64_t (int, long);
    // float; double (float, double); std::string_view (string, enum symbol); std::span<const std::byte> (bytes, fixed,
    // string). False when the type is another one.
    template<class T> bool read(T& out) const noexcept {
        const avro::type t = type();
        if constexpr (std::is_same_v<T, std::string_view>)
            if (t == type::string && at_ < payload_.size()) [[likely]] { // mostly of less than 64 bytes
                const auto length = static_cast<std::size_t>(payload_[at_]) / 2;
                if (length < 0x40 && length < payload_.size() - at_) [[likely]]
                    return out = wire::as_chars({payload_.data() + at_ + 1, length}), true;
            }
        cursor in = schema_ == nullptr ? cursor({}) : cursor(payload_, at_);
        if constexpr (std::is_same_v<T, bool>) {
            if (t != type::boolean) return false;
            out = in.read_boolean();
        } else if constexpr (std::is_same_v<T, std::int32_t>) {
            if (t != type::int_) return false;
            out = in.read_int();
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
            if (t != type::int_ && t != type::long_) return false;
            out = in.read_long();
        } else if constexpr (std::is_same_v<T, float>) {
            if (t != type::float_) return false;
            out = in.read_float();
        } else if constexpr (std::is_same_v<T, double>) {
            if (t != type::double_ && t != type::float_) return false;
            out = t == type::double_ ? in.read_double() : static_cast<double>(in.read_float());
        } else if constexpr (std::is_same_v<T, std::string_view>) {
            if (t == type::enum_) {
                const schema::node& n = (*schema_)[node_];
                out = schema_->symbols(n)[skipper(*schema_, in).read_index(n.count, errc::bad_enum_index)];
                return true;
            }
            if (t != type::string) return false;
            out = in.read_string();
        } else {
            static_assert(std::is_same_v<T, std::span<const std::byte>>, "no Avro type is read as this C++ type");
            if (t == type::fixed)
                out = payload_.subspan(at_, (*schema_)[node_].first);
            else if (t == type::bytes || t == type::string)
                out = in.read_bytes();
            else
                return false;
        }
        return true;
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

} // namespace sfcdc::avro
