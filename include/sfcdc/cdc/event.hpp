// One change event: its header, what changed, and the values, all seen in the payload.
// Source: Change Data Capture Developer Guide, "ChangeEventHeader Fields" and "Change Event Body Fields".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sfcdc/avro/datum.hpp>
#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/value.hpp>
#include <sfcdc/cdc/change_type.hpp>
#include <sfcdc/cdc/field_list.hpp>
#include <sfcdc/cdc/field_list_memory.hpp>
#include <sfcdc/cdc/field_state.hpp>
#include <sfcdc/cdc/header.hpp>
#include <sfcdc/cdc/header_members.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/wire/varint.hpp>

namespace sfcdc::inline v0::cdc {

namespace detail {
class event_slot;
}

// A view of one decoded event. It ends with the payload, the plan, and the next decode() of the same decoder. A
// default-constructed event is empty: its plan has no fields, its lists are empty, and it has no header.
class event {
  public:
    event() = default;

    const cdc::plan& plan() const noexcept {
        if (plan_ == nullptr) [[unlikely]]
            return detail::empty_plan();
        return *plan_;
    }
    std::span<const std::byte> payload() const noexcept { return payload_; }

    // False for a platform event.
    bool has_header() const noexcept { return plan_ != nullptr && plan_->has_header(); }
    event_header header() const noexcept {
        event_header out;
        if (!has_header()) [[unlikely]]
            return out;
        out.payload_ = payload_;
        out.plan_ = plan_;
        if (plan_->has_usual_header()) [[likely]] {
            const std::uint32_t first = plan_->member(header_member::entity_name).number;
            for (std::uint32_t i = 0; i < header_member_count; ++i) out.begins_[i] = datum_->begin({first + i});
            return out;
        }
        for (const header_member_type& m : header_members) {
            const avro::field f = plan_->member(m.id);
            if (f) out.begins_[index_of(m.id)] = datum_->begin(f);
        }
        return out;
    }

    // CREATE, DELETE and gap events have empty lists; that does not mean that nothing happened.
    field_list changed_fields() const noexcept { return list(changed_); }
    field_list nulled_fields() const noexcept { return list(nulled_); }
    // These fields hold a unified diff of a long text in place of the text.
    field_list diff_fields() const noexcept { return list(diff_); }

    // False for a field of another plan or for none.
    bool has_value(avro::field f) const noexcept { return is_of_plan(f) && datum_->has(f); }
    // Where the value of a field begins in the payload; of a union of several types, its branch index. Precondition: the
    // field has a value.
    std::uint32_t offset(avro::field f) const noexcept { return datum_->begin(f); }
    // The same for all fields, by their numbers. An entry is undefined where a field has no value.
    std::span<const std::uint32_t> offsets() const noexcept {
        return datum_ == nullptr ? std::span<const std::uint32_t>() : datum_->begins();
    }
    // All fields that have a value, those of the header included.
    avro::field_set present() const noexcept { return datum_ == nullptr ? avro::field_set() : datum_->present(); }

    // Calls f(field, name, value) for each field of the body that has a value, where `value` has the type that the schema gives
    // it: bool, std::int32_t, std::int64_t, float, double, std::string_view (string, enum), std::span<const std::byte> (bytes,
    // fixed), and avro::value for arrays, maps and records. So f is an overload set, or a generic lambda. A compound is not
    // called for, but each of its children is, by its dotted name. Fields come grouped by their types, and of one type in the
    // order of their numbers: so a loop has one type. Texts are not checked to be UTF-8.
    template<class F> void for_each_present(F&& f) const; // cdc/present_values.hpp

    // The value of a field that is there; a null value for one that is not.
    avro::value value(avro::field f) const noexcept { return has_value(f) ? value_there(f) : avro::value(); }

    class states;
    // What the event says of its fields, for loops over many of them.
    states field_states() const& noexcept;
    states field_states() const&& = delete; // The states look into the event.
    // The same for one field; `unchanged` for a field of another plan or for none.
    field_state state(avro::field f) const noexcept;

    // A field's value as T; avro::value::read() says which types convert.
    template<class T> field_value<T> get(avro::field f) const noexcept {
        static_assert(avro::is_readable_as<T>, "no Avro type is read as this C++ type: bool, std::int32_t, "
                                               "std::int64_t, float, double, std::string_view and "
                                               "std::span<const std::byte> are");
        field_value<T> out;
        out.state = state(f);
        if (out.state != field_state::value) return out;
        if (!value_there(f).read(out.value)) out.state = field_state::wrong_type;
        return out;
    }

  private:
    friend class detail::event_slot;

    bool is_of_plan(avro::field f) const noexcept { return plan_ != nullptr && f.number < plan_->size(); }
    // Precondition: the field is there.
    avro::value value_there(avro::field f) const noexcept {
        return {plan_->schema(), plan_->ops()[f.number].node, payload_, datum_->begin(f)};
    }
    // The change type of an event with a header, without looking up the other members.
    cdc::change_type change_type() const noexcept {
        const avro::field f = plan_->member(header_member::change_type);
        if (!f) return change_type::unknown;
        const std::byte* from = payload_.data() + datum_->begin(f);
        std::uint64_t raw = 0;
        static_cast<void>(wire::read_varint(from, payload_.data() + payload_.size(), raw)); // It was read before.
        const std::uint64_t number = raw / 2; // The zig-zag encoding of a number that is not negative is the double.
        return change_type_from(plan_->change_type_symbol(number), number);
    }
    field_list list(const field_list_memory* fields) const noexcept {
        return fields == nullptr ? field_list(plan(), {}, {}) : fields->list(*plan_);
    }

    // Of an empty event both are null; of another one neither is.
    const cdc::plan* plan_ = nullptr;
    const avro::datum* datum_ = nullptr;
    // An empty list is null.
    const field_list_memory* changed_ = nullptr;
    const field_list_memory* nulled_ = nullptr;
    const field_list_memory* diff_ = nullptr;
    std::span<const std::byte> payload_;
};

// What an event says of its fields, with what is the same for all of them looked up once. A view: it ends with the event.
// The fields that are asked for must be of the event's plan; that is not checked.
class event::states {
  public:
    bool has_value(avro::field f) const noexcept { return event_.datum_->has(f); }
    // Precondition: the field has a value.
    avro::value value(avro::field f) const noexcept { return event_.value_there(f); }
    field_state operator[](avro::field f) const noexcept {
        if (has_value(f)) return field_state::value;
        if (absent_ != field_state::unchanged || !lists_count_) return absent_;
        const avro::field parent = event_.plan_->ops()[f.number].parent;
        const bool is_cleared = listed(f) || (parent && listed(parent));
        return is_cleared ? field_state::null : field_state::unchanged;
    }

    // Whether a field is unchanged unless it has a value or a list names it, or its compound.
    bool few() const noexcept { return absent_ == field_state::unchanged; }
    // Whether the lists say what changed: of an UPDATE.
    bool lists_count() const noexcept { return lists_count_; }
    // Whether a list names the field.
    bool listed(avro::field f) const noexcept { return changed_.contains(f) || nulled_.contains(f); }
    // The fields that have a value or are in a list, without the header, in order; if the changed ones are all of them and
    // none is the child of a compound. Otherwise nothing.
    std::span<const avro::field> all_named() const noexcept {
        if (!lists_count_) return {};
        const field_list changed = event_.changed_fields();
        const cdc::plan& p = event_.plan();
        if (changed.empty() || changed.fields().back().number >= p.field_count()) return {};
        std::uint64_t others = 0;
        for (std::size_t i = 0; i < p.words(); ++i) {
            const std::uint64_t known = changed_.words()[i] | p.header_set().words()[i];
            others |= named(i) & ~known;
        }
        if (others != 0 || changed_.contains(header_field)) return {};
        return changed.fields();
    }
    // One word of the set of the fields that have a value or are in a list themselves.
    std::uint64_t named(std::size_t word) const noexcept {
        const std::uint64_t present = event_.datum_->present().words()[word];
        return lists_count_ ? present | word_of(changed_, word) | word_of(nulled_, word) : present;
    }

  private:
    friend class event;
    explicit states(const event& e) noexcept
        : event_(e), changed_(e.changed_fields().set()), nulled_(e.nulled_fields().set()) {
        switch (e.has_header() ? e.change_type() : change_type::create) { // A platform event is whole.
        case change_type::create:
        case change_type::undelete:
        case change_type::snapshot: absent_ = field_state::null; break;
        case change_type::update: lists_count_ = true; break;
        default: break;
        }
    }
    // An empty list has no words.
    static std::uint64_t word_of(avro::field_set set, std::size_t word) noexcept {
        return set.words().empty() ? 0 : set.words()[word];
    }

    const event& event_;
    avro::field_set changed_;
    avro::field_set nulled_;
    field_state absent_ = field_state::unchanged; // Of a field without a value, where the lists say nothing of it.
    bool lists_count_ = false;
};

inline event::states event::field_states() const& noexcept { return states(*this); }
inline field_state event::state(avro::field f) const noexcept {
    if (!is_of_plan(f)) return field_state::unchanged;
    return datum_->has(f) ? field_state::value : field_states()[f];
}

} // namespace sfcdc::inline v0::cdc
