// Walks one datum along a plan and notes where each field that is there begins. Nothing is copied or converted;
// values are read from the payload when somebody asks.
//
// In a change event most fields are null, and a null field is one 0x00 byte. A look at eight bytes finds the next field
// that has something; only when all eight are null are 64 looked at together (doing that for every field loses on dense
// events).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#if defined(__SSE2__)
#    include <emmintrin.h>
#endif

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/avro/value.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>

namespace sfcdc::avro {

// Where the fields of one datum begin: a sparse set (Briggs and Torczon, 1993), so that nothing has to be cleared
// between events however many fields a schema has. Scratch memory; nothing is allocated after the first event of the
// widest plan.
class datum {
  public:
    bool has(field f) const noexcept {
        const std::uint32_t rank = entries_[f.number].rank;
        return rank < count_ && order_[rank] == f.number;
    }
    // Only for a field that is there: the offset of its value in the payload; of a union of three and more branches,
    // or without null, the offset of the branch index.
    std::uint32_t begin(field f) const noexcept { return entries_[f.number].begin; }
    // The numbers of the fields that are there, as they stand in the payload; a compound stands behind its children.
    std::span<const std::uint32_t> present() const noexcept { return {order_.data(), count_}; }

  private:
    friend class walker;
    struct entry {
        std::uint32_t begin = 0;
        std::uint32_t rank = 0; // where the field stands in order_, if it stands there at all
    };
    std::vector<entry> entries_;       // by field number; left over from other events where has() is false
    std::vector<std::uint32_t> order_; // the first count_ are of this event
    std::uint32_t count_ = 0;
};

namespace detail {

// Eight bytes at p, the first one lowest.
inline std::uint64_t load_8(const std::byte* p) noexcept {
    std::uint64_t word = 0;
    if constexpr (std::endian::native == std::endian::little)
        std::memcpy(&word, p, 8);
    else
        for (int i = 0; i < 8; ++i) word |= static_cast<std::uint64_t>(p[i]) << 8 * i;
    return word;
}

// One bit for each of the 64 bytes at p, lowest first: set where the byte is not zero.
inline std::uint64_t nonzero_64(const std::byte* p) noexcept {
#if defined(__SSE2__)
    const __m128i zero = _mm_setzero_si128();
    const auto nulls = [&](int i) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + i);
        return static_cast<std::uint64_t>(static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, zero))));
    };
    return ~(nulls(0) | nulls(1) << 16 | nulls(2) << 32 | nulls(3) << 48);
#else
    std::uint64_t mask = 0;
    for (int i = 0; i < 64; i += 8) {
        std::uint64_t word = load_8(p + i);
        word |= word >> 4;
        word |= word >> 2;
        word |= word >> 1; // the lowest bit of each byte says whether there is any
        mask |= ((word & 0x0101010101010101u) * 0x0102040810204080u >> 56) << i;
    }
    return mask;
#endif
}

// How many zero bytes stand at p before the first that is not, or before `last`; where there are more than `most`, that
// many at least. There are at least 64 bytes in front of `last` that may be read.
inline std::size_t zero_run(const std::byte* p, const std::byte* last, std::size_t most) noexcept {
    const std::byte* const start = p;
    while (p < last && static_cast<std::size_t>(p - start) < most) {
        // Near the end the 64 bytes overlap with those in front of p instead of running over.
        const std::byte* const window = last - p >= 64 ? p : last - 64;
        const std::uint64_t mask = nonzero_64(window) >> (p - window);
        if (mask != 0) return static_cast<std::size_t>(p - start) + static_cast<std::size_t>(std::countr_zero(mask));
        p = window + 64;
    }
    return static_cast<std::size_t>(p - start);
}

} // namespace detail

// Used through walk().
//
// Two ways through the bytes. The fast one knows what change events look like - the usual header, unions of null and a
// simple type with short lengths - and makes no errors of its own: where something else comes, it hands that field to
// the other one, which reads every type, and says what is wrong and where.
class walker {
  public:
    walker(const plan& p, std::span<const std::byte> payload, datum& out) noexcept
        : plan_(p), payload_(payload), in_(payload), skipper_(p.schema(), in_), out_(out) {}

    sfcdc::error walk() {
        progress own(*this);
        for (bool more = start(own); more; more = resume(own)) run(own);
        return finish();
    }

    // Two datums in turns: where the next field begins is a chain of dependent loads, and two chains hide each other's
    // waiting.
    static void walk_two(walker& first, walker& second) {
        progress a(first), b(second);
        const stride* const strides = first.plan_.strides().data();
        bool more_a = first.start(a), more_b = second.start(b);
        while (more_a && more_b) {
            lane at_a = a.at,
                 at_b = b.at; // local copies: what step() stores cannot alias them, so they stay in registers
            bool steps_a = true, steps_b = true;
            while (steps_a & steps_b) {
                steps_a = step(at_a, strides);
                steps_b = step(at_b, strides);
            }
            a.at = at_a;
            b.at = at_b;
            if (!steps_a) more_a = first.resume(a);
            if (!steps_b) more_b = second.resume(b);
        }
        for (; more_a; more_a = first.resume(a)) first.run(a);
        for (; more_b; more_b = second.resume(b)) second.run(b);
    }

    sfcdc::error finish() noexcept {
        if (!in_.failed() && in_.remaining() != 0) in_.fail(errc::trailing_bytes);
        return in_.error();
    }

  private:
    // A walk over fields that all may be null, by the formula of their strides.
    struct lane {
        const std::byte* at;
        std::uint32_t field;
        std::uint32_t count; // of fields noted
        std::uint32_t end;
        const std::byte *base, *last;
        std::ptrdiff_t margin; // fewer bytes than this are left to one()
        datum::entry* entries;
        std::uint32_t* order;
    };
    // How far the fields [.., end) of one record are walked.
    struct progress {
        explicit progress(const walker& w) noexcept : end(w.plan_.field_count()) {}
        progress(std::uint32_t f, std::uint32_t e) noexcept : field(f), end(e) {}
        std::uint32_t field = 0;
        std::uint32_t end = 0;
        lane at{};
    };

    bool start(progress& own) {
        if (payload_.size() > limits::payload_bytes) return in_.fail(errc::payload_too_large), false;
        if (out_.entries_.size() < plan_.size()) {
            out_.entries_.resize(plan_.size());
            out_.order_.resize(plan_.size()
                               + 1); // one over: a field outside the projection is written and not counted
        }
        out_.count_ = 0;
        own.field = plan_.has_usual_header() && usual_header() ? 1 : 0;
        return enter(own);
    }

    // Up to the next field that a lane can begin with; false when there is none.
    bool enter(progress& own) noexcept {
        for (; own.field < own.end && !in_.failed(); ++own.field) {
            if (const std::uint32_t run = plan_.ops()[own.field].null_run; run != 0) {
                own.at = {in_.position(),
                          own.field,
                          out_.count_,
                          own.field + run,
                          payload_.data(),
                          in_.end(),
                          payload_.size() < 64 ? PTRDIFF_MAX : 17,
                          out_.entries_.data(),
                          out_.order_.data()};
                return true;
            }
            one(own.field, plan_.ops()[own.field]);
        }
        return false;
    }
    // After a lane has stopped: the field that it stopped at, and on to the next lane.
    bool resume(progress& own) noexcept {
        out_.count_ = own.at.count;
        in_.advance(static_cast<std::size_t>(own.at.at - in_.position()));
        own.field = own.at.field;
        if (own.field < own.end) {
            one(own.field, plan_.ops()[own.field]);
            ++own.field;
        }
        return enter(own);
    }
    void fields(std::uint32_t f, std::uint32_t count) noexcept {
        progress own(f, f + count);
        for (bool more = enter(own); more; more = resume(own)) run(own);
    }
    void run(progress& own) const noexcept {
        const stride* const strides = plan_.strides().data();
        lane l = own.at;
        while (step(l, strides)) {
        }
        own.at = l;
    }

    // The nulls in front of the next field that has something, and that field. False when the lane is at its end, or
    // at a field that the formula does not hold for.
    static bool step(lane& l, const stride* strides) noexcept {
        if (l.last - l.at < l.margin) [[unlikely]]
            return near_end(l);
        const std::uint64_t word = detail::load_8(l.at);
        std::size_t nulls = 0;
        if (word == 0)
            nulls = detail::zero_run(l.at, l.last, l.end - l.field);
        else
            nulls = static_cast<std::size_t>(std::countr_zero(word)) / 8;
        if (nulls >= l.end - l.field) {
            l.at += l.end - l.field;
            l.field = l.end;
            return false;
        }
        l.at += nulls;
        l.field += static_cast<std::uint32_t>(nulls);
        if (l.last - l.at < 9) [[unlikely]]
            return false;
        const stride& s = strides[l.field];
        const auto index = static_cast<std::uint32_t>(l.at[0]);
        const std::uint64_t behind = detail::load_8(l.at + 1);
        const std::uint64_t ends = ~behind & 0x8080808080808080u; // of the integer or length: its last byte is lowest
        const std::uint64_t text = behind & (ends ^ (ends - 1));
        const auto varint = static_cast<std::uint32_t>(std::countr_zero(ends | std::uint64_t{1} << 63) + 1) / 8;
        const auto length = static_cast<std::uint32_t>((text & 0x7f) >> 1 | (text & 0x7f00) >> 2);
        const std::uint32_t advance = s.fixed + (varint & s.varint_mask) + (length & s.text_mask);
        const bool holds = (index == 2) & (varint <= s.most_varint) & ((behind & 0xff) <= s.most_first)
                           & ((behind & s.sign) == 0) & (advance <= static_cast<std::size_t>(l.last - l.at));
        if (!holds) [[unlikely]]
            return false;
        l.entries[l.field] = {static_cast<std::uint32_t>(l.at - l.base) + s.begin, l.count};
        l.order[l.count] = l.field++;
        l.count += s.noted;
        l.at += advance;
        return l.field != l.end;
    }
    // The last bytes of the payload, where the wide loads of step() would run over: nulls here, the rest is one()'s.
    static bool near_end(lane& l) noexcept {
        for (; l.field != l.end && l.at != l.last && *l.at == std::byte{0}; ++l.at) ++l.field;
        return false;
    }

    void note(std::uint32_t f, std::uint32_t at, std::uint32_t rank) noexcept {
        out_.entries_[f] = {at, rank};
        out_.order_[rank] = f;
        out_.count_ = rank + 1;
    }

    // ChangeEventHeader as it always is: half of the work of a small event. False when something in it is unusual;
    // nothing has happened then.
    bool usual_header() noexcept {
        constexpr std::uint32_t members = 12;
        const std::byte* const base = payload_.data();
        const std::byte* const last = in_.end();
        const std::byte* p = base;
        const std::uint32_t first = plan_.ops()[0].first_child;
        datum::entry* const entries = out_.entries_.data() + first;
        bool usual = last - base >= 64;
        // Each leaves p in front of at least one more byte, which the next one then need not ask for.
        const auto text = [&]() __attribute__((always_inline)) {
            auto length = static_cast<std::uint32_t>(*p++);
            if (length >= 0x80) [[unlikely]] {
                if (p == last) return usual = false;
                length = (length & 0x7f) | static_cast<std::uint32_t>(*p++) << 7;
                usual &= length < 1u << 14 && p < last;
            }
            usual &= (length & 1) == 0;
            length /= 2;
            if (length >= static_cast<std::size_t>(last - p)) [[unlikely]]
                return usual = false;
            p += length;
            return usual;
        };
        const auto texts = [&]() __attribute__((always_inline)) { // an array of them in one block
            auto head = static_cast<std::uint32_t>(*p++);
            if (head != 0) {
                if ((head & 0x81) != 0) return false;
                for (; head != 0; head -= 2)
                    if (p == last || !text()) return false;
                if (*p++ != std::byte{0}) return false;
            }
            return p != last;
        };
        const auto varint = [&](std::uint32_t most) __attribute__((always_inline)) {
            if (last - p <= 8) [[unlikely]]
                return false;
            const std::uint64_t ends = ~detail::load_8(p) & 0x8080808080808080u;
            if (ends == 0) [[unlikely]]
                return false;
            const auto bytes = static_cast<std::uint32_t>(std::countr_zero(ends) + 1) / 8;
            p += bytes;
            return bytes <= most;
        };
        const auto note_member = [&](std::uint32_t member) {
            entries[member] = {static_cast<std::uint32_t>(p - base), member};
        };
        if (!usual) return false;
        note_member(0); // entityName
        if (!text()) return false;
        note_member(1); // recordIds
        if (!texts()) return false;
        note_member(2); // changeType
        const auto symbol = static_cast<std::uint32_t>(*p++);
        if (symbol >= change_types_end() || (symbol & 1) != 0) return false;
        if (p == last) return false;
        note_member(3); // changeOrigin
        if (!text()) return false;
        note_member(4); // transactionKey
        if (!text()) return false;
        note_member(5); // sequenceNumber
        if (!varint(4)) return false;
        note_member(6); // commitTimestamp
        if (!varint(8)) return false;
        note_member(7); // commitNumber
        if (!varint(8)) return false;
        note_member(8); // commitUser
        if (!text()) return false;
        note_member(9); // nulledFields
        if (!texts()) return false;
        note_member(10); // diffFields
        if (!texts()) return false;
        note_member(11); // changedFields
        if (!texts()) return false;
        for (std::uint32_t member = 0; member < members; ++member) out_.order_[member] = first + member;
        note(0, 0, members);
        in_.advance(static_cast<std::size_t>(p - base));
        return true;
    }
    // Behind the index of the last symbol, as it is written.
    std::uint32_t change_types_end() const noexcept {
        const std::uint32_t symbols = plan_.schema()[plan_[plan_.header().change_type].node].count;
        return symbols < 64 ? 2 * symbols : 128;
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
        if (o.wanted) note(f, at, out_.count_);
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
        if (o.child_count != 0 && branch == o.record)
            fields(o.first_child, o.child_count);
        else
            skipper_.skip(branch, 1);
        return true;
    }

    const plan& plan_;
    std::span<const std::byte> payload_;
    cursor in_;
    skipper skipper_;
    datum& out_;
};

// On success every byte of the payload belongs to a value, and every length, index and integer in it is sound.
inline error walk(const plan& p, std::span<const std::byte> payload, datum& out) {
    return walker(p, payload, out).walk();
}

// The same for two payloads at once, which is faster than one after the other.
inline std::array<error, 2> walk_two(const plan& p, std::span<const std::byte> first,
                                     std::span<const std::byte> second, datum& out_first, datum& out_second) {
    walker a(p, first, out_first), b(p, second, out_second);
    walker::walk_two(a, b);
    return {a.finish(), b.finish()};
}

} // namespace sfcdc::avro
