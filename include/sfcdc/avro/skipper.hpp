// Skips values of any Avro type with nothing but their schema.
#pragma once

#include <cstddef>
#include <cstdint>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>

namespace sfcdc::inline v0::avro {

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

} // namespace sfcdc::inline v0::avro
