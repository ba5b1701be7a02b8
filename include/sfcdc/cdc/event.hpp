// One change event: its header, what changed, and the values, all seen in the payload.
// Source: Change Data Capture Developer Guide, "ChangeEventHeader Fields" and "Change Event Body Fields".
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/avro/datum.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/field_list.hpp>
#include <sfcdc/error.hpp>

namespace sfcdc::cdc {

// `unknown` is a symbol that this version does not know; event_header::change_type_name() still spells it.
enum class change_type : std::uint8_t {
    create, update, delete_, undelete, gap_create, gap_update, gap_delete, gap_undelete, gap_overflow, snapshot, unknown,
};

constexpr change_type change_type_from(std::string_view symbol) noexcept {
    constexpr std::string_view symbols[] = {"CREATE",     "UPDATE",     "DELETE",       "UNDELETE",     "GAP_CREATE",
                                            "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"};
    for (std::uint8_t i = 0; i < std::size(symbols); ++i)
        if (symbol == symbols[i]) return static_cast<change_type>(i);
    return change_type::unknown;
}

// An Avro array of strings, read as it is iterated. A view into the payload.
class string_list {
  public:
    string_list() = default;
    string_list(std::span<const std::byte> payload, std::uint32_t at) noexcept : payload_(payload), at_(at) {}

    class iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator() : in_({}) {}
        iterator(std::span<const std::byte> payload, std::uint32_t at) noexcept : in_(payload, at) { ++*this; }
        std::string_view operator*() const noexcept { return text_; }
        iterator& operator++() noexcept {
            if (left_ == 0) left_ = in_.read_block();
            done_ = left_ == 0 || in_.failed();
            if (!done_) text_ = in_.read_string(), --left_;
            return *this;
        }
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.done_; }

      private:
        avro::cursor in_;
        std::uint64_t left_ = 0;
        std::string_view text_;
        bool done_ = true;
    };

    iterator begin() const noexcept { return payload_.empty() ? iterator() : iterator(payload_, at_); }
    std::default_sentinel_t end() const noexcept { return {}; }
    bool empty() const noexcept { return begin() == end(); }
    std::size_t size() const noexcept {
        std::size_t n = 0;
        for (auto i = begin(); i != end(); ++i) ++n;
        return n;
    }

  private:
    std::span<const std::byte> payload_;
    std::uint32_t at_ = 0;
};

// ChangeEventHeader. Each getter reads its member from the payload when it is called; for a platform event, which has
// no header, and for a member that the schema lacks, it gives nothing or 0.
class event_header {
  public:
    event_header(const avro::plan& p, const avro::datum& d, std::span<const std::byte> payload) noexcept
        : plan_(p), datum_(d), payload_(payload) {}

    std::string_view entity_name() const noexcept { return read<std::string_view>(plan_.header().entity_name); }
    // Record ids; not always of one record ("001*" stands for all accounts, GAP_OVERFLOW has none).
    string_list record_ids() const noexcept { return strings(plan_.header().record_ids); }
    cdc::change_type change_type() const noexcept { return change_type_from(change_type_name()); }
    std::string_view change_type_name() const noexcept { return read<std::string_view>(plan_.header().change_type); }
    std::string_view change_origin() const noexcept { return read<std::string_view>(plan_.header().change_origin); }
    std::string_view transaction_key() const noexcept { return read<std::string_view>(plan_.header().transaction_key); }
    std::int32_t sequence_number() const noexcept { return read<std::int32_t>(plan_.header().sequence_number); }
    // Milliseconds since the epoch, UTC.
    std::int64_t commit_timestamp() const noexcept { return read<std::int64_t>(plan_.header().commit_timestamp); }
    // Above 2^53 on some instances: not to be handled as a double.
    std::int64_t commit_number() const noexcept { return read<std::int64_t>(plan_.header().commit_number); }
    std::string_view commit_user() const noexcept { return read<std::string_view>(plan_.header().commit_user); }
    // The bitmaps as Salesforce wrote them; event::changed_fields() and its siblings have them as names.
    string_list nulled_fields() const noexcept { return strings(plan_.header().nulled_fields); }
    string_list diff_fields() const noexcept { return strings(plan_.header().diff_fields); }
    string_list changed_fields() const noexcept { return strings(plan_.header().changed_fields); }

  private:
    template <class T>
    T read(avro::field f) const noexcept {
        T out{};
        if (f) avro::value(plan_.schema(), plan_[f].node, payload_, datum_.begin(f)).read(out);
        return out;
    }
    string_list strings(avro::field f) const noexcept { return f ? string_list(payload_, datum_.begin(f)) : string_list(); }

    const avro::plan& plan_;
    const avro::datum& datum_;
    std::span<const std::byte> payload_;
};

// What an event says of a field.
enum class field_state : std::uint8_t {
    unchanged,  // nothing: it was not touched, or the event has no body (DELETE, GAP_*)
    null,       // it was cleared, or (CREATE, UNDELETE) is empty, or may not be seen by the subscribing user
    value,      // a value is there; on an enriched channel also of a field that did not change
    wrong_type, // from get() only: there is a value, but of another type
};

template <class T>
struct field_value {
    T value{};
    field_state state = field_state::unchanged;

    explicit operator bool() const noexcept { return state == field_state::value; }
};

// A view of one decoded event. Ends with the payload, the plan, and the next decode() of the same decoder.
class event {
  public:
    event() = default;

    const avro::plan& plan() const noexcept { return *plan_; }
    std::span<const std::byte> payload() const noexcept { return payload_; }

    // False for a platform event.
    bool has_header() const noexcept { return plan_->has_header(); }
    event_header header() const noexcept { return {*plan_, *datum_, payload_}; }

    // CREATE, DELETE and gap events have empty lists; that does not mean that nothing happened.
    field_list changed_fields() const noexcept { return {*plan_, changed_}; }
    field_list nulled_fields() const noexcept { return {*plan_, nulled_}; }
    // These hold a unified diff of a long text in place of the text.
    field_list diff_fields() const noexcept { return {*plan_, diff_}; }

    bool has_value(avro::field f) const noexcept { return datum_->has(f); }

    field_state state(avro::field f) const noexcept {
        if (datum_->has(f)) return field_state::value;
        if (!has_header()) return field_state::null;
        switch (header().change_type()) {
        case change_type::create:
        case change_type::undelete:
        case change_type::snapshot: return field_state::null;
        case change_type::update: {
            const avro::field parent = (*plan_)[f].parent;
            const auto listed = [&](avro::field g) { return changed_fields().contains(g) || nulled_fields().contains(g); };
            return listed(f) || (parent && listed(parent)) ? field_state::null : field_state::unchanged;
        }
        default: return field_state::unchanged;
        }
    }

    // The value of a field that is there; a null value for one that is not.
    avro::value value(avro::field f) const noexcept {
        return datum_->has(f) ? avro::value(plan_->schema(), (*plan_)[f].node, payload_, datum_->begin(f)) : avro::value();
    }

    // A field's value as T; avro::value::read() says which types convert.
    template <class T>
    field_value<T> get(avro::field f) const noexcept {
        field_value<T> out;
        out.state = state(f);
        if (out.state == field_state::value && !value(f).read(out.value)) out.state = field_state::wrong_type;
        return out;
    }

  private:
    friend class decoder;
    const avro::plan* plan_ = nullptr;
    const avro::datum* datum_ = nullptr;
    const std::uint64_t *changed_ = nullptr, *nulled_ = nullptr, *diff_ = nullptr; // null: empty, as most are
    std::span<const std::byte> payload_;
};

// Scratch memory for decoding: one for each thread. Nothing is allocated after the first event of the widest plan.
class decoder {
  public:
    // The event's views look into the plan, the payload and this decoder.
    result<event> decode(const avro::plan& p, std::span<const std::byte> payload) {
        result<event> out;
        out.error = avro::walk(p, payload, scratch_[0].datum);
        if (!out.error) scratch_[0].finish(p, payload, out);
        return out;
    }
    result<event> decode(avro::plan&&, std::span<const std::byte>) = delete; // the event would outlive the plan

    // Calls f(index, const result<event>&) for each payload, in order; an event ends when f returns. Faster than one
    // decode() after the other, because two payloads are always under way.
    template <class F>
    void decode_each(const avro::plan& p, std::span<const std::span<const std::byte>> payloads, F&& f) {
        std::size_t i = 0;
        for (; i + 1 < payloads.size(); i += 2) {
            result<event> first, second;
            const auto errors = avro::walk_two(p, payloads[i], payloads[i + 1], scratch_[0].datum, scratch_[1].datum);
            first.error = errors[0];
            second.error = errors[1];
            if (!first.error) scratch_[0].finish(p, payloads[i], first);
            if (!second.error) scratch_[1].finish(p, payloads[i + 1], second);
            f(i, std::as_const(first));
            f(i + 1, std::as_const(second));
        }
        if (i < payloads.size()) f(i, decode(p, payloads[i]));
    }

  private:
    struct scratch {
        avro::datum datum;
        std::vector<std::uint64_t> lists; // changed, nulled and diff fields: one bit set over all fields each

        // From the datum to the event.
        void finish(const avro::plan& p, std::span<const std::byte> payload, result<event>& out) {
            event& e = out.value;
            e.plan_ = &p;
            e.datum_ = &datum;
            e.payload_ = payload;
            if (!p.has_header()) return;
            const std::size_t words = (p.size() + 63) / 64;
            if (lists.size() < 3 * words) lists.resize(3 * words);
            const avro::header_fields& h = p.header();
            out.error = expand(p, payload, h.changed_fields, lists.data(), e.changed_);
            if (!out.error) out.error = expand(p, payload, h.nulled_fields, lists.data() + words, e.nulled_);
            if (!out.error) out.error = expand(p, payload, h.diff_fields, lists.data() + 2 * words, e.diff_);
        }
        error expand(const avro::plan& p, std::span<const std::byte> payload, avro::field array, std::uint64_t* words, const std::uint64_t*& list) const {
            if (!array) return {};
            const std::uint32_t at = datum.begin(array);
            if (payload[at] == std::byte{0}) return {}; // no elements
            std::fill_n(words, (p.size() + 63) / 64, 0);
            list = words;
            return expand_field_list(p, payload, at, words);
        }
    };
    scratch scratch_[2];
};

} // namespace sfcdc::cdc
