// The memory in which one event is decoded, and the steps of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <sfcdc/avro/datum.hpp>
#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/walker.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/cdc/field_list.hpp>
#include <sfcdc/cdc/field_list_memory.hpp>
#include <sfcdc/cdc/header_members.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/cdc/usual_header.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>

namespace sfcdc::inline v0::cdc::detail {

// Which fields an event has by its lists, as the hint of a walk: those that changed and were not nulled.
class presence_by_lists {
  public:
    void prepare(const plan& p) {
        own_.resize(p.no_field());
        all_.resize(p.words());
    }
    bool is_prepared_for(const plan& p) const noexcept { return all_.size() >= p.words(); }

    // Valid until the next call. A child brings its compound.
    avro::presence_hint hint(const plan& p, field_list changed, field_list nulled) noexcept {
        count_ = 0;
        set_all(p, changed.set(), nulled.set());
        const std::span<const avro::field> fields = changed.fields();
        std::size_t i = 0;
        for (; i < fields.size() && fields[i].number < p.field_count(); ++i) {
            own_[count_] = fields[i];
            count_ += contains(fields[i]); // There is no branch on it.
        }
        std::size_t children = 0;
        for (; i < fields.size(); ++i) {
            if (!contains(fields[i])) continue;
            ++children;
            const avro::field compound = p.ops()[fields[i].number].parent;
            if (!contains(compound)) insert(compound);
        }
        const std::span<const avro::field> own(own_.data(), count_);
        const std::span<const std::uint64_t> all(all_.data(), p.words());
        return {own, avro::field_set(all), children};
    }

  private:
    bool contains(avro::field f) const noexcept { return avro::field_set({all_.data(), all_.size()}).contains(f); }
    // What changed and was not nulled. An empty list has no words.
    void set_all(const plan& p, avro::field_set changed, avro::field_set nulled) noexcept {
        const std::uint64_t* const changes = changed.words().data();
        const std::uint64_t* const nulls = nulled.words().data();
        const bool nulls_some = !nulled.words().empty();
        for (std::uint32_t i = 0; i < p.words(); ++i) {
            const std::uint64_t kept = nulls_some ? ~nulls[i] : ~std::uint64_t{0};
            all_[i] = changes[i] & kept;
        }
    }
    // Inserts a field into both, so that the own ones stay in order.
    void insert(avro::field f) noexcept {
        all_[f.number / 64] |= std::uint64_t{1} << f.number % 64;
        std::size_t at = count_++;
        for (; at > 0 && own_[at - 1].number > f.number; --at) own_[at] = own_[at - 1];
        own_[at] = f;
    }

    std::vector<avro::field> own_; // The first count_ of them count.
    std::vector<std::uint64_t> all_;
    std::size_t count_ = 0;
};

// An event and what it looks into. The steps of decoding are start(), walk_body(), finish(); decode() does them all. Plan and
// payload must be those of the walker.
class event_slot {
  public:
    using bytes = std::span<const std::byte>;

    bool is_prepared_for(const plan& p) const noexcept { return presence_.is_prepared_for(p); }
    void prepare(const plan& p) {
        datum_.prepare(p);
        for (field_list_memory* list : {&changed_, &nulled_, &diff_}) list->prepare(p);
        if (!presence_.is_prepared_for(p)) presence_.prepare(p);
    }
    avro::datum& datum() noexcept { return datum_; }

    [[gnu::noinline]] const result<event>& decode(const plan& p, bytes payload) {
        avro::walker walker(p, payload, datum_);
        start(p, payload, walker);
        walk_body(p, walker);
        return finish(walker);
    }

    // Reads the header, and makes the event as far as the header says it.
    [[gnu::always_inline]] inline void start(const plan& p, bytes payload, avro::walker& w) {
        walk_header(p, payload, w);
        event& e = out_.value;
        e = {};
        out_.error = {};
        if (w.failed()) [[unlikely]]
            return;
        e.plan_ = &p;
        e.datum_ = &datum_;
        e.payload_ = payload;
        if (!p.has_header()) [[unlikely]]
            return;
        e.changed_ = expand(p, payload, header_member::changed_fields, changed_);
        e.nulled_ = expand(p, payload, header_member::nulled_fields, nulled_);
        e.diff_ = expand(p, payload, header_member::diff_fields, diff_);
    }
    // Walks the fields behind the header: by the lists, if there are any and they are right.
    [[gnu::always_inline]] inline void walk_body(const plan& p, avro::walker& w) noexcept {
        if (out_.value.changed_ != nullptr && walk_by_lists(p, w)) return;
        w.walk_body();
    }
    // Ends the walk, which must be done. The event is empty beside an error, of which the first is kept.
    const result<event>& finish(avro::walker& w) noexcept {
        if (const error bad = w.finish()) [[unlikely]]
            out_.error = bad;
        if (out_.error) [[unlikely]]
            out_.value = {};
        return out_;
    }

  private:
    [[gnu::always_inline]] inline void walk_header(const plan& p, bytes payload, avro::walker& w) noexcept {
        if (p.has_usual_header() && payload.size() <= limits::payload_bytes) [[likely]] {
            std::uint32_t* const begins = datum_.begins_from(p.member(header_member::entity_name));
            const std::size_t end = read_usual_header(payload, p.change_types_end(), begins);
            if (end != 0) [[likely]] {
                *datum_.begins_from(header_field) = 0;
                w.start_behind_first(end, p.header_set());
                return;
            }
        }
        walk_unusual_header(p, w);
    }
    [[gnu::noinline]] static void walk_unusual_header(const plan& p, avro::walker& w) noexcept {
        w.start();
        if (p.has_header()) w.walk_first();
    }

    // One of the three lists of bitmaps as fields; null if it is empty. Most are, which one byte tells.
    [[gnu::always_inline]] inline const field_list_memory* expand(const plan& p, bytes payload, header_member list,
                                                                  field_list_memory& memory) noexcept {
        const avro::field f = p.member(list);
        if (!f || payload[datum_.begin(f)] == std::byte{0}) return nullptr;
        return expand_items(p, payload, f, memory);
    }
    [[gnu::noinline]] const field_list_memory* expand_items(const plan& p, bytes payload, avro::field f,
                                                            field_list_memory& memory) noexcept {
        const error bad = memory.expand(p, payload, datum_.begin(f));
        if (bad && !out_.error) [[unlikely]]
            out_.error = bad;
        return &memory;
    }

    // Most updates null nothing and change no children of compounds: the list is the hint then.
    [[gnu::always_inline]] inline bool walk_by_lists(const plan& p, avro::walker& w) noexcept {
        const field_list list = changed_.list(p);
        const bool nulls_nothing = out_.value.nulled_ == nullptr;
        if (nulls_nothing && !list.empty() && list.fields().back().number < p.field_count()) [[likely]]
            return w.walk_body({list.fields(), list.set(), 0});
        return walk_by_all_lists(p, w);
    }
    [[gnu::noinline]] bool walk_by_all_lists(const plan& p, avro::walker& w) noexcept {
        return w.walk_body(presence_.hint(p, changed_.list(p), out_.value.nulled_fields()));
    }

    avro::datum datum_;
    field_list_memory changed_;
    field_list_memory nulled_;
    field_list_memory diff_;
    presence_by_lists presence_;
    result<event> out_;
};

} // namespace sfcdc::inline v0::cdc::detail
