// Walks one datum along a plan and notes where each field that is there begins. Nothing is copied or converted;
// values are read from the payload when somebody asks.
//
// In a change event most fields are null, and a null field is one 0x00 byte. So the payload is first turned into one bit
// a byte, zero or not, 64 of them at a time; the next field that has something is then found by counting zero bits, and
// how far it reaches by arithmetic on its first eight bytes: a step from one field to the next that takes no branch on
// which fields are null or of what type, since on those a processor guesses wrong.
//
// An update says in its header which fields it has. Then even that is not needed: the fields are looked up where they must
// be, and the zero bytes are only counted, which tells whether there was anything else.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/avro/usual_header.hpp>
#include <sfcdc/avro/value.hpp>
#include <sfcdc/avro/zero_bytes.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/word.hpp>

namespace sfcdc::avro {

// Which fields of one datum are there, and where they begin. Scratch memory; nothing is allocated after the first event
// of the widest plan.
class datum {
  public:
    // Not for a field outside the plan that the datum was walked along.
    bool has(field f) const noexcept { return (present_[f.number / 64] >> f.number % 64 & 1) != 0; }
    // Only for a field that is there: the offset of its value in the payload; of a union of three and more branches,
    // or without null, the offset of the branch index.
    std::uint32_t begin(field f) const noexcept { return begins_[f.number]; }
    // The same by field number, undefined where has() is false; one more than plan::no_field(), or longer.
    std::span<const std::uint32_t> begins() const noexcept { return begins_; }
    // Room for the fields of this plan.
    void prepare(const plan& p) {
        if (begins_.size() > p.no_field()) [[likely]]
            return;
        begins_.resize(p.no_field() + 1); // one more than fields: what has none is noted, too
        present_.resize(p.words() + 1);
    }
    field_set present() const noexcept { return field_set(std::span(present_).first(words_)); }

  private:
    friend class walker;
    static constexpr std::size_t chunk_bytes = 4096;

    std::vector<std::uint64_t> present_; // of which the first words_ are of this plan
    std::size_t words_ = 0;
    std::vector<std::uint32_t> begins_; // by field number; left over from other events where has() is false
    // One bit for each byte of a part of the payload, set where the byte is not zero; behind them ones.
    std::array<std::uint64_t, chunk_bytes / 64 + 3> nonzero_{};
};

// Used through walk(), or, with lists or for several payloads under way at a time, by hand: start(), walk_listed(),
// walk_two(), walk_on(), finish().
//
// Two ways to read a field. The fast one knows what change events look like - the usual header, unions of null and a
// simple type with short lengths - and makes no errors of its own: where something else comes, it hands that field to
// the other one, which reads every type, and says what is wrong and where.
class walker {
  public:
    walker(const walker&) = delete;
    walker& operator=(const walker&) = delete;
    walker(const plan& p, std::span<const std::byte> payload, datum& out) noexcept
        : plan_(p),
          payload_(payload),
          in_(payload),
          skipper_(p.schema(), in_),
          out_(out),
          end_(p.strides().data() + p.field_count()) {}

    // To be called first, with a datum that is prepared; it is then no longer that of another payload. Walks the header,
    // if the plan has one: unless that failed(), its members may be read.
    [[gnu::always_inline]] inline void start() {
        out_.words_ = plan_.words();
        const stride* const first = plan_.strides().data();
        lane_.present = out_.present_.data();
        lane_.begins = out_.begins_.data();
        lane_.payload = payload_.data();
        if (plan_.has_usual_header() && payload_.size() <= limits::payload_bytes && usual_header()) [[likely]] {
            lane_.place = first + 1;
            lane_.at = in_.offset();
        } else {
            start_slowly(first);
        }
    }
    bool done() const noexcept { return lane_.place == end_; }
    bool failed() const noexcept { return in_.failed(); }

    // Two datums in turns, until one of them is done: where the next field begins is a chain of dependent loads, and two
    // chains hide each other's waiting.
    static void walk_two(walker& a, walker& b) noexcept {
        for (walker* w : {&a, &b})
            if (!w->has_begun_) w->begin();
        while (!a.done() && !b.done()) {
            lane l = a.lane_, m = b.lane_; // copies: what step() stores cannot alias them, so they stay in registers
            std::uint64_t ahead_l = look(l), ahead_m = look(m);
            bool more_l = true, more_m = true;
            while (more_l & more_m) {
                more_l = step(l, ahead_l);
                more_m = step(m, ahead_m);
            }
            a.lane_.place = l.place, a.lane_.at = l.at;
            b.lane_.place = m.place, b.lane_.at = m.at;
            if (!more_l) a.stop();
            if (!more_m) b.stop();
        }
    }

    // What is left of it, if `listed` are the fields that are there, with a compound for each of its children, and all
    // others are null; otherwise nothing is done. Fields need not be found then, and their places do not wait for each
    // other; that nothing else is there, the number of zero bytes tells. `own` are those without the children, in order,
    // and so many of `listed` are children.
    [[gnu::always_inline]] inline void walk_listed(std::span<const field> own, field_set listed,
                                                   std::size_t children) noexcept {
        const stride* const first = plan_.strides().data();
        const std::uint32_t count = plan_.field_count();
        const std::size_t start = lane_.at, size = payload_.size();
        if (done() || start < 32 || size < 64 || size > start + 255 * 16 || first[1].run + 1 != count) [[unlikely]]
            return;
        const std::byte* const payload = payload_.data();
        std::uint32_t* const begins = lane_.begins;
        std::size_t at = start, bytes = 0;
        detail::zero_count zeros;
        const auto read = [&](const stride& s, std::size_t number) __attribute__((always_inline)) {
            if (at + 8 > size) [[unlikely]]
                return false;
            std::size_t advance = 0;
            if (!measure(s, wire::load_8(payload + at), advance)) [[unlikely]]
                return false;
            begins[number] = static_cast<std::uint32_t>(at) + s.begin;
            at += advance;
            bytes += advance;
            if (at > size) [[unlikely]]
                return false;
            zeros.add(payload + at, advance);
            return true;
        };
        std::size_t next = 1; // the number of the field that is at `at`
        for (const field f : own) {
            at += f.number - next;
            next = f.number + 1;
            if (!read(first[f.number], f.number)) [[unlikely]]
                return;
            if (first[f.number].next == 1) [[likely]]
                continue;
            const op& o = plan_.ops()[f.number];
            if (first[o.first_place].run != o.child_count) return;
            for (std::uint32_t c = o.first_child; c < o.first_child + o.child_count; ++c) {
                if (!listed.contains({c}))
                    ++at;
                else if (--children; !read(first[o.first_place + (c - o.first_child)], c))
                    return;
            }
        }
        if (at + (count - next) != size || children != 0 // of a compound whose value is another branch of its union
            || detail::count_zeros(payload + start, payload + size) - zeros.sum() != size - start - bytes)
            return;
        join_words(has_begun_ ? lane_.present : plan_.header_set().words().data(), listed.words().data(),
                   lane_.present, listed.words().size());
        has_begun_ = true;
        lane_.place = end_;
        lane_.at = size;
    }

    // What is left of it.
    void walk_on() noexcept {
        if (!has_begun_) begin();
        while (!done()) {
            lane l = lane_;
            std::uint64_t ahead = look(l);
            while (step(l, ahead)) {
            }
            lane_.place = l.place, lane_.at = l.at;
            stop();
        }
    }
    // Once it is done. Without an error every byte of the payload belongs to a value, and every length, index and integer
    // in it is sound.
    sfcdc::error finish() noexcept {
        catch_up();
        if (!in_.failed() && in_.remaining() != 0) in_.fail(errc::trailing_bytes);
        if (plan_.is_projection())
            for (std::size_t i = 0; i < out_.words_; ++i) out_.present_[i] &= plan_.wanted().words()[i];
        return in_.error();
    }

  private:
    // A walk over a part of the payload by the formula of the strides. Offsets are in the payload.
    struct lane {
        const stride* place = nullptr;
        std::size_t at = 0;
        std::size_t last = 0; // where the part ends
        const std::byte* payload = nullptr;
        // Where datum::nonzero_ would have the first byte of the payload: an address, since it may have it no more.
        std::uintptr_t nonzero = 0;
        std::uint64_t* present = nullptr;
        std::uint32_t* begins = nullptr;
    };

    // The zero bytes of the next part of the payload.
    void look_ahead() noexcept {
        const std::byte* const payload = payload_.data();
        lane_.at = in_.offset();
        const std::size_t first = lane_.at & ~std::size_t{7}; // whole bytes of bits
        lane_.last = std::min(payload_.size(), first + datum::chunk_bytes);
        lane_.nonzero = reinterpret_cast<std::uintptr_t>(out_.nonzero_.data()) - first / 8;
        std::uint64_t* word = out_.nonzero_.data();
        if (payload_.size() < 64) [[unlikely]] { // too short for any change event
            lane_.last = lane_.at;
        } else {
            std::size_t i = first;
            const std::size_t last = lane_.last;
            for (; i + 64 <= last; i += 64) wire::store_8(word++, detail::nonzero_64(payload + i));
            if (const std::size_t rest = last - i; rest != 0) // the 64 last bytes, not to read past them
                wire::store_8(word++,
                              detail::nonzero_64(payload + last - 64) >> (64 - rest) | ~std::uint64_t{0} << rest);
        }
        word[0] = word[1] = ~std::uint64_t{0};
    }

    // Which of the next bytes are not zero, as far as one load tells; zeros behind them.
    [[gnu::always_inline]] static inline std::uint64_t look(const lane& l) noexcept {
        return wire::load_8(reinterpret_cast<const void*>(l.nonzero + l.at / 8)) >> l.at % 8;
    }
    // How many bytes the field has that begins with these eight; false where the formula does not hold for them.
    [[gnu::always_inline]] static inline bool measure(const stride& s, std::uint64_t bytes,
                                                      std::size_t& advance) noexcept {
        const auto first = static_cast<std::uint32_t>(bytes);
        // The integer or length begins behind the index and ends with the first byte without a top bit.
        const std::uint64_t ends = ~bytes & 0x8080808080808000u;
        const auto varint = static_cast<std::uint32_t>(std::countr_zero(ends | std::uint64_t{1} << 63)) / 8;
        advance = s.fixed + (varint & s.varint_mask) + (static_cast<std::uint32_t>(bytes >> 9) & s.text_mask);
        if (((first ^ 0x02) & s.check) == 0 && static_cast<std::uint8_t>(varint) < s.varint_end) [[likely]]
            return true;
        // The length of a text may have two bytes.
        if (s.text_mask == 0 || (first & 0x8081ff) != 0x8002) return false;
        advance = 3 + ((first >> 9 & 0x3f) | (first >> 10 & 0x1fc0));
        return true;
    }

    // The nulls in front of the next field that has something, and that field. False at a place that the formula does
    // not hold for; that is so at the end of the datum and of the part, too. What is `ahead` of the next field is what is
    // left of the look from this one, so that its place does not wait for a load.
    [[gnu::always_inline]] static inline bool step(lane& l, std::uint64_t& ahead) noexcept {
        if (ahead == 0) [[unlikely]]
            ahead = look(l);
        std::size_t nulls = 0;
        if (ahead == 0) [[unlikely]]
            nulls = long_run(l.nonzero, l.at, l.place->run);
        else
            nulls = static_cast<std::size_t>(std::countr_zero(ahead));
        nulls = nulls < l.place->run ? nulls : l.place->run;
        l.at += nulls;
        l.place += nulls;
        ahead = 0;
        if (l.last - l.at < 8) [[unlikely]]
            return false;
        const stride& s = *l.place;
        const std::uint64_t look_on = look(l);
        std::size_t advance = 0;
        if (!measure(s, wire::load_8(l.payload + l.at), advance) || advance > l.last - l.at) [[unlikely]]
            return false;
        const std::uint32_t number = s.number;
        l.begins[number] = static_cast<std::uint32_t>(l.at) + s.begin;
        l.present[number / 64] |= std::uint64_t{1} << number % 64;
        l.at += advance;
        l.place += s.next;
        if (advance < 64) [[likely]]
            ahead = look_on >> advance;
        return true;
    }

    // More null bytes than one look ahead shows; at most as many as there may be here, or a few more.
    [[gnu::noinline]] static std::size_t long_run(std::uintptr_t nonzero, std::size_t at, std::size_t most) noexcept {
        std::size_t nulls = 64 - at % 8;
        for (std::uintptr_t word = nonzero + at / 8 + 8; nulls < most; word += 8) {
            const std::uint64_t ahead = wire::load_8(reinterpret_cast<const void*>(word));
            if (ahead != 0) return nulls + static_cast<std::size_t>(std::countr_zero(ahead));
            nulls += 64;
        }
        return nulls;
    }

    // The cursor to where the lane is.
    void catch_up() noexcept { in_.advance(lane_.at - in_.offset()); }

    // Where the formula does not hold: the field there by its type, with all checks and their errors.
    void stop() noexcept {
        catch_up();
        if (done()) return;
        const std::uint32_t f = lane_.place->number;
        lane_.place += f == plan_.no_field() ? lane_.place->next : one(f, plan_.ops()[f]);
        if (in_.failed()) lane_.place = end_;
        lane_.at = in_.offset();
        if (lane_.at + 64 > lane_.last && lane_.last != payload_.size()) look_ahead();
    }

    void note(std::uint32_t f, std::uint32_t at) noexcept {
        out_.begins_[f] = at;
        out_.present_[f / 64] |= std::uint64_t{1} << f % 64;
    }

    // ChangeEventHeader in one go, when it is as it always is.
    [[gnu::always_inline]] inline bool usual_header() noexcept {
        const std::size_t end = avro::usual_header(payload_, plan_.change_types_end(),
                                                   out_.begins_.data() + plan_.header().entity_name.number);
        if (end == 0) return false;
        out_.begins_[0] = 0;
        in_.advance(end);
        return true;
    }
    // The walk behind such a header.
    void begin() noexcept {
        has_begun_ = true;
        copy_words(plan_.header_set().words().data(), out_.present_.data(), out_.words_);
        look_ahead();
    }
    // Any other one, or none.
    [[gnu::noinline]] void start_slowly(const stride* first) noexcept {
        has_begun_ = true;
        std::fill_n(out_.present_.data(), out_.words_, 0);
        lane_.place = first;
        if (payload_.size() > limits::payload_bytes) in_.fail(errc::payload_too_large), lane_.place = end_;
        look_ahead();
        if (plan_.has_header())
            while (lane_.place != first + 1 && !done()) stop();
    }

    // Reads the field at the cursor, and says how many places to go on: into a compound, or over the field.
    std::int32_t one(std::uint32_t f, const op& o) noexcept {
        if (o.optional) {
            const std::uint32_t branch = skipper_.read_index(2, errc::bad_union_index);
            if (in_.failed() || branch == o.null_branch) return 1;
        }
        const std::uint32_t at = in_.offset();
        bool into = false;
        switch (o.kind) {
        case op_kind::boolean: in_.read_boolean(); break;
        case op_kind::int_: in_.read_int(); break;
        case op_kind::long_: in_.read_long(); break;
        case op_kind::width: in_.skip(o.width); break;
        case op_kind::text: in_.read_bytes(); break;
        case op_kind::compound: into = o.child_count != 0; break; // a record may have no fields
        case op_kind::other: {
            const schema& s = plan_.schema();
            const schema::node& n = s[o.node];
            std::uint32_t branch = o.node;
            if (n.type == type::union_) branch = s.branches(n)[skipper_.read_index(n.count, errc::bad_union_index)];
            if (in_.failed() || s[branch].type == type::null) return 1;
            into = o.child_count != 0 && branch == o.record;
            if (!into) skipper_.skip(branch, branch == o.node ? 0 : 1);
            break;
        }
        }
        note(f, at);
        return into ? static_cast<std::int32_t>(o.first_place) - static_cast<std::int32_t>(f) : 1;
    }

    const plan& plan_;
    std::span<const std::byte> payload_;
    cursor in_;
    skipper skipper_;
    datum& out_;
    const stride* end_; // the place behind the last field
    lane lane_;
    bool has_begun_ = false; // present_ and nonzero_ are those of this payload
};

// The whole of it.
inline error walk(const plan& p, std::span<const std::byte> payload, datum& out) {
    out.prepare(p);
    walker w(p, payload, out);
    w.start();
    w.walk_on();
    return w.finish();
}

} // namespace sfcdc::avro
