// Walks one datum along a plan and notes where each field that is there begins. Nothing is copied or converted: values are
// read from the payload when somebody asks.
//
// A walk has two phases. The start is the first field, which somebody else may have read: ChangeEventHeader has a reader of
// its own. The body is everything behind it, with or without a hint which of its fields are there.
//
// Two readers take turns in both. The fast one (avro/lane.hpp) knows unions of null and a simple type with short lengths,
// and makes no errors: where something else comes, it leaves that field to the other one, which reads every type and says
// what is wrong and where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/datum.hpp>
#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/hinted_walk.hpp>
#include <sfcdc/avro/lane.hpp>
#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/skipper.hpp>
#include <sfcdc/avro/stride.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>

namespace sfcdc::inline v0::avro {

// Used through walk(); or by hand, as cdc::decoder does: start() or start_behind_first(), walk_body(), finish(). Refers to
// the plan, the payload and the datum, which must outlive it. The datum must be prepared for the plan.
class walker {
  public:
    walker(const walker&) = delete; // A copy would write its places into the same datum.
    walker& operator=(const walker&) = delete;
    walker(const plan& p, std::span<const std::byte> payload, datum& out) noexcept
        : plan_(p),
          payload_(payload),
          in_(payload),
          skipper_(p.schema(), in_),
          out_(out),
          end_(p.strides().data() + p.field_count()) {
        out_.words_ = plan_.words();
        lane_.place = first_place();
        lane_.present = out_.present_.data();
        lane_.begins = out_.begins_.data();
        lane_.payload = payload_.data();
    }

    bool done() const noexcept { return lane_.place == end_; }
    bool failed() const noexcept { return in_.failed(); }

    // Phase 1: begins the walk at the first field.
    [[gnu::noinline]] void start() noexcept {
        body_is_open_ = true;
        clear_words(out_.present_.data(), out_.words_);
        if (payload_.size() > limits::payload_bytes) fail_too_large();
        look_ahead();
    }
    // Phase 1 in place of start(): the first field ends at payload[end], and the fields in `noted`, which are that one and
    // its children, are there; datum::begins_from() has been given where they begin. Precondition: the payload is not larger
    // than limits::payload_bytes. The words of `noted` must outlive the walk.
    [[gnu::always_inline]] inline void start_behind_first(std::size_t end, field_set noted) noexcept {
        noted_ = noted;
        in_.advance(end);
        lane_.place = first_place() + 1;
        lane_.at = end;
    }
    // Phase 1 behind start(), if the first field is needed before the others: walks it. Unless failed(), it may be read.
    void walk_first() noexcept {
        while (lane_.place != first_place() + 1 && !done()) leave_formula();
    }

    // Phase 2: walks what is left.
    void walk_body() noexcept {
        if (!body_is_open_) open_body();
        while (!done()) {
            detail::lane lane = lane_;
            std::uint64_t ahead = lane.look();
            while (lane.step(ahead)) {
            }
            resume(lane);
            leave_formula();
        }
    }

    // Phase 2 with a hint: walks what is left on the assumption that exactly these fields are there and the others are null.
    // Precondition: the first field has been walked, and nothing behind it. Returns false if the payload shows otherwise, or
    // is of a form that this walk does not know; the caller then uses walk_body(), for which it is as if nothing had been
    // done.
    [[gnu::always_inline]] inline bool walk_body(presence_hint hint) noexcept {
        const stride* const places = first_place();
        const std::uint32_t count = plan_.field_count();
        if (done() || !detail::hinted_walk::fits(lane_.at, payload_.size())) [[unlikely]]
            return false;
        // Each own field behind the first one must be a single byte when it is null.
        if (places[1].run + 1 != count) [[unlikely]]
            return false;
        detail::hinted_walk walk(payload_, lane_.at, lane_.begins);
        std::uint32_t next = 1; // The field of this number comes next.
        for (const field f : hint.own) {
            walk.skip_nulls(f.number - next);
            next = f.number + 1;
            const stride& s = places[f.number];
            if (!walk.read(s, f.number)) [[unlikely]]
                return false;
            const bool is_compound = s.next != 1;
            if (is_compound && !walk_children(plan_.ops()[f.number], hint, walk)) [[unlikely]]
                return false;
        }
        walk.skip_nulls(count - next);
        // Children are left over if the value of their compound is another branch of its union, which has none.
        if (hint.children_left != 0 || !walk.is_whole()) return false;
        const field_set noted = body_is_open_ ? out_.present() : noted_;
        join_words(noted.words().data(), hint.all.words().data(), lane_.present, hint.all.words().size());
        body_is_open_ = true;
        lane_.place = end_;
        lane_.at = payload_.size();
        return true;
    }

    // Phase 2 of two datums in turns, until one of them is done: where the next field begins is a chain of dependent loads,
    // and two chains hide each other's waiting.
    static void walk_two(walker& a, walker& b) noexcept {
        if (!a.body_is_open_) a.open_body();
        if (!b.body_is_open_) b.open_body();
        while (!a.done() && !b.done()) {
            detail::lane first = a.lane_;
            detail::lane second = b.lane_;
            std::uint64_t ahead_first = first.look();
            std::uint64_t ahead_second = second.look();
            bool more_first = true;
            bool more_second = true;
            while (more_first & more_second) {
                more_first = first.step(ahead_first);
                more_second = second.step(ahead_second);
            }
            a.resume(first);
            b.resume(second);
            if (!more_first) a.leave_formula();
            if (!more_second) b.leave_formula();
        }
    }

    // Ends a walk that is done. Without an error every byte of the payload belongs to a value, and every length, index and
    // integer in it is sound.
    sfcdc::error finish() noexcept {
        catch_up();
        if (!in_.failed() && in_.remaining() != 0) in_.fail(errc::trailing_bytes);
        if (plan_.is_projection())
            for (std::size_t i = 0; i < out_.words_; ++i) out_.present_[i] &= plan_.wanted().words()[i];
        return in_.error();
    }

  private:
    const stride* first_place() const noexcept { return plan_.strides().data(); }

    void fail_too_large() noexcept {
        in_.fail(errc::payload_too_large);
        lane_.place = end_;
    }

    // Notes the first field, which somebody else has read, and goes on behind it.
    void open_body() noexcept {
        body_is_open_ = true;
        copy_words(noted_.words().data(), out_.present_.data(), out_.words_);
        look_ahead();
    }

    [[gnu::always_inline]] inline bool walk_children(const op& compound, presence_hint& hint,
                                                     detail::hinted_walk& walk) noexcept {
        const stride* const places = first_place() + compound.first_place;
        if (places[0].run != compound.child_count) return false; // Each must be a single byte when it is null.
        for (std::uint32_t i = 0; i < compound.child_count; ++i) {
            const std::uint32_t number = compound.first_child + i;
            if (!hint.all.contains({number})) {
                walk.skip_nulls(1);
                continue;
            }
            --hint.children_left;
            if (!walk.read(places[i], number)) return false;
        }
        return true;
    }

    // Makes the bits of the next part of the payload for the lane.
    void look_ahead() noexcept {
        lane_.at = in_.offset();
        lane_.last = out_.nonzero_.fill(payload_, lane_.at);
        lane_.nonzero = out_.nonzero_.origin();
    }

    // Takes over how far a copy of the lane has come.
    void resume(const detail::lane& copy) noexcept {
        lane_.place = copy.place;
        lane_.at = copy.at;
    }
    // Moves the cursor to where the lane is.
    void catch_up() noexcept { in_.advance(lane_.at - in_.offset()); }

    // Reads one field for which the formula of the strides does not hold by its type, with all checks and their errors.
    void leave_formula() noexcept {
        catch_up();
        if (done()) return;
        const std::uint32_t f = lane_.place->number;
        const bool is_way_out = f == plan_.no_field();
        lane_.place += is_way_out ? lane_.place->next : read_field(f, plan_.ops()[f]);
        if (in_.failed()) lane_.place = end_;
        lane_.at = in_.offset();
        const bool part_ends = lane_.at + detail::block_bytes > lane_.last;
        if (part_ends && lane_.last != payload_.size()) look_ahead();
    }

    void note(std::uint32_t f, std::uint32_t at) noexcept {
        out_.begins_[f] = at;
        out_.present_[f / 64] |= std::uint64_t{1} << f % 64;
    }

    // Reads the field at the cursor, and returns how many places the walk goes on: into a compound, or over the field.
    std::int32_t read_field(std::uint32_t f, const op& o) noexcept {
        constexpr std::int32_t over = 1;
        if (o.optional) {
            const std::uint32_t branch = skipper_.read_index(2, errc::bad_union_index);
            if (in_.failed() || branch == o.null_branch) return over;
        }
        const std::uint32_t at = in_.offset();
        bool into = false;
        switch (o.kind) {
        case op_kind::boolean: in_.read_boolean(); break;
        case op_kind::int_: in_.read_int(); break;
        case op_kind::long_: in_.read_long(); break;
        case op_kind::width: in_.skip(o.width); break;
        case op_kind::text: in_.read_bytes(); break;
        case op_kind::compound: into = o.child_count != 0; break; // A record may have no fields.
        case op_kind::other:
            if (!read_other(o, into)) return over;
            break;
        }
        note(f, at);
        return into ? static_cast<std::int32_t>(o.first_place) - static_cast<std::int32_t>(f) : over;
    }
    // Reads a field by its schema alone. Returns false if it is null, or wrong.
    bool read_other(const op& o, bool& into) noexcept {
        const schema& s = plan_.schema();
        const schema::node& n = s[o.node];
        std::uint32_t branch = o.node;
        if (n.type == type::union_) branch = s.branches(n)[skipper_.read_index(n.count, errc::bad_union_index)];
        if (in_.failed() || s[branch].type == type::null) return false;
        into = o.child_count != 0 && branch == o.record;
        if (!into) skipper_.skip(branch, branch == o.node ? 0 : 1);
        return true;
    }

    const plan& plan_;
    std::span<const std::byte> payload_;
    cursor in_;
    skipper skipper_;
    datum& out_;
    const stride* end_; // The place behind the last of the record's own fields.
    detail::lane lane_;
    field_set noted_;           // What start_behind_first() was told of.
    bool body_is_open_ = false; // The datum is about this payload.
};

// Walks the whole of a payload. The error's offset is in the payload.
inline error walk(const plan& p, std::span<const std::byte> payload, datum& out) {
    out.prepare(p);
    walker w(p, payload, out);
    w.start();
    w.walk_body();
    return w.finish();
}

} // namespace sfcdc::inline v0::avro
