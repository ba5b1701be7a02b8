// Walks one datum along a plan and notes where each field that is there begins. Nothing is copied or converted;
// values are read from the payload when somebody asks.
//
// In a change event most fields are null, and a null field is one 0x00 byte: a run of them is skipped eight bytes at a
// time, and sixteen where the first eight were all null (a wide load for every field loses on dense events).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#if defined(__SSE2__)
#    include <emmintrin.h>
#endif

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>

namespace sfcdc::avro {

// Where the fields of one datum begin. Scratch memory that is used again for every event: after the first event of a
// schema nothing is allocated.
class datum {
  public:
    bool has(field f) const noexcept { return (present_[f.number / 64] >> (f.number % 64) & 1) != 0; }
    // Only for a field that is there: the offset of its value in the payload; of a union of three and more branches,
    // or without null, the offset of the branch index.
    std::uint32_t begin(field f) const noexcept { return begins_[f.number]; }
    // One bit for each field of the plan, lowest first.
    std::span<const std::uint64_t> present() const noexcept { return present_; }

  private:
    friend class walker;
    std::vector<std::uint64_t> present_;
    std::vector<std::uint32_t> begins_; // meaningless where the bit in present_ is not set
};

namespace detail {

// How many of the first `most` bytes at p are zero before the first that is not. Reads nothing at or behind `end`.
inline std::size_t zero_run(const std::byte* p, const std::byte* end, std::size_t most) noexcept {
    const auto available = static_cast<std::size_t>(end - p);
    if (most > available) most = available;
    std::size_t n = 0;
    const auto eight_at = [&](std::size_t i) {
        std::uint64_t word = 0;
        std::memcpy(&word, p + i, 8);
        if constexpr (std::endian::native == std::endian::big) { // first byte lowest, as on the wire
            std::uint64_t swapped = 0;
            for (int k = 0; k < 8; ++k) swapped = swapped << 8 | (word >> 8 * k & 0xff);
            word = swapped;
        }
        return word;
    };
    if (available >= 8) {
        const std::uint64_t word = eight_at(0);
        if (word != 0) {
            n = static_cast<std::size_t>(std::countr_zero(word)) / 8;
            return n < most ? n : most;
        }
        n = 8;
#if defined(__SSE2__)
        for (; n < most && available - n >= 16; n += 16) {
            const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + n));
            const auto nulls = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())));
            if (nulls != 0xffff) {
                n += static_cast<std::size_t>(std::countr_one(nulls));
                return n < most ? n : most;
            }
        }
#endif
        for (; n < most && available - n >= 8; n += 8) {
            const std::uint64_t next = eight_at(n);
            if (next != 0) {
                n += static_cast<std::size_t>(std::countr_zero(next)) / 8;
                return n < most ? n : most;
            }
        }
    }
    while (n < most && p[n] == std::byte{0}) ++n;
    return n < most ? n : most;
}

} // namespace detail

// Moves a cursor over values of any type; used by walk() and by avro::value.
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
        case type::record: {
            const std::byte* const start = in_.position();
            for (const schema::field& f : schema_.fields(n)) {
                skip(f.node, depth + 1);
                if (in_.failed()) return;
            }
            count_if_empty(start); // records of empty records: few types can make 2^60 values of no bytes
            return;
        }
        case type::array:
        case type::map: return skip_blocks(n, depth);
        }
    }

    // An enum or union index, checked; 0 after a failure.
    std::uint32_t read_index(std::uint32_t count, errc code) noexcept {
        const std::byte* const start = in_.position();
        const std::int64_t index = in_.read_long();
        if (index >= 0 && index < count) [[likely]] return static_cast<std::uint32_t>(index);
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

// Used through walk().
class walker {
  public:
    walker(const plan& p, std::span<const std::byte> payload, datum& out) noexcept
        : plan_(p), payload_(payload), in_(payload), skipper_(p.schema(), in_), out_(out) {}

    sfcdc::error walk() {
        if (payload_.size() > limits::payload_bytes) return {errc::payload_too_large, 0};
        out_.present_.assign((plan_.size() + 63) / 64, 0);
        if (out_.begins_.size() < plan_.size()) out_.begins_.resize(plan_.size());
        fields(0, plan_.field_count());
        if (!in_.failed() && in_.remaining() != 0) in_.fail(errc::trailing_bytes);
        return in_.error();
    }

  private:
    void fields(std::uint32_t f, std::uint32_t count) noexcept {
        const std::span<const op> ops = plan_.ops();
        for (const std::uint32_t end = f + count; f < end;) {
            const op& o = ops[f];
            if (o.null_run != 0) {
                const std::size_t nulls = detail::zero_run(in_.position(), in_.end(), o.null_run);
                if (nulls != 0) {
                    in_.advance(nulls);
                    f += static_cast<std::uint32_t>(nulls);
                    continue;
                }
            }
            one(f++, o);
            if (in_.failed()) [[unlikely]] return;
        }
    }

    void note(std::uint32_t f, std::uint32_t at) noexcept {
        out_.present_[f / 64] |= std::uint64_t{1} << (f % 64);
        out_.begins_[f] = at;
    }

    void one(std::uint32_t f, const op& o) noexcept {
        if (o.optional) {
            const std::uint32_t branch = skipper_.read_index(2, errc::bad_union_index);
            if (in_.failed() || branch == o.null_branch) return;
        }
        const std::uint32_t at = in_.offset();
        switch (o.kind) {
        case op_kind::boolean: in_.read_boolean(); break;
        case op_kind::int_: in_.read_int(); break;
        case op_kind::long_: in_.read_long(); break;
        case op_kind::width: in_.skip(o.width); break;
        case op_kind::text: in_.read_bytes(); break;
        case op_kind::compound: fields(o.first_child, o.child_count); break;
        case op_kind::other:
            if (!other(o)) return;
            break;
        }
        note(f, at);
    }

    // A type without an op of its own; false when it turned out to be null.
    bool other(const op& o) noexcept {
        const schema& s = plan_.schema();
        const schema::node& n = s[o.node];
        if (n.type == type::null) return false;
        if (n.type != type::union_) {
            skipper_.skip(o.node);
            return true;
        }
        const std::uint32_t branch = s.branches(n)[skipper_.read_index(n.count, errc::bad_union_index)];
        if (in_.failed() || s[branch].type == type::null) return false;
        if (o.child_count != 0 && branch == o.record) fields(o.first_child, o.child_count);
        else skipper_.skip(branch, 1);
        return true;
    }

    const plan& plan_;
    std::span<const std::byte> payload_;
    cursor in_;
    skipper skipper_;
    datum& out_;
};

// On success every byte of the payload belongs to a value, and every length, index and integer in it is sound.
inline error walk(const plan& p, std::span<const std::byte> payload, datum& out) { return walker(p, payload, out).walk(); }

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

    avro::type type() const noexcept { return schema_ == nullptr ? type::null : (*schema_)[node_].type; }

    // Reads the value as T, when its type is that or converts without loss: bool; std::int32_t; std::int64_t (int, long);
    // float; double (float, double); std::string_view (string, enum symbol); std::span<const std::byte> (bytes, fixed,
    // string). False when the type is another one.
    template <class T>
    bool read(T& out) const noexcept {
        cursor in = schema_ == nullptr ? cursor({}) : cursor(payload_, at_);
        const avro::type t = type();
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
            if (t == type::fixed) out = payload_.subspan(at_, (*schema_)[node_].first);
            else if (t == type::bytes || t == type::string) out = in.read_bytes();
            else return false;
        }
        return true;
    }

    // Calls f(value) for each item of an array, f(key, value) for each entry of a map, f(name, value) for each field of
    // a record, in their order; does nothing for other types.
    template <class F>
    void for_each_item(F&& f) const {
        if (type() == type::array)
            for_each_in_blocks([&](cursor& in) { f(value(*schema_, item_node(), payload_, in.offset())); });
    }
    template <class F>
    void for_each_entry(F&& f) const {
        if (type() != type::map) return;
        for_each_in_blocks([&](cursor& in) {
            const std::string_view key = in.read_string();
            f(key, value(*schema_, item_node(), payload_, in.offset()));
        });
    }
    template <class F>
    void for_each_field(F&& f) const {
        if (type() != type::record) return;
        cursor in(payload_, at_);
        for (const schema::field& field : schema_->fields((*schema_)[node_])) {
            f(std::string_view(field.name), value(*schema_, field.node, payload_, in.offset()));
            skipper(*schema_, in).skip(field.node);
        }
    }

  private:
    std::uint32_t item_node() const noexcept { return (*schema_)[node_].first; }

    template <class F>
    void for_each_in_blocks(F&& f) const {
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
