// What an event states of the fields that a table has no column for, so that nothing is lost while the table lacks one.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/event_json.hpp>
#include <sfcdc/row/field_value.hpp>
#include <sfcdc/row/json_writer.hpp>
#include <sfcdc/wire/appender.hpp>

namespace sfcdc::inline v0::row {

// A JSON object of the fields that no column holds: those without a column, and those whose value does not fit theirs. A value
// stands where there is one, null where the event clears the field; children of compounds stand in an object of their own.
// The patches of diffFields stand under "_sf_diff" by their dotted names, since a patch is no value. Fields that the plan's
// projection leaves out are in none of it.
class rest_of_event {
  public:
    rest_of_event(const bound_layout& bound, const cdc::event& e) noexcept
        : rest_of_event(bound, e, e.field_states()) {}
    // The same where the states are known.
    rest_of_event(const bound_layout& bound, const cdc::event& e, const cdc::event::states& states) noexcept
        : bound_(bound), event_(e), states_(states) {}

    // Whether there is nothing. It is asked first: mostly a table has all columns.
    bool empty() const noexcept {
        const cdc::plan& p = event_.plan();
        if (has_diffs()) return false;
        const auto held = bound_.held().words(), apart = bound_.held_apart().words();
        for (std::uint32_t i = 0; i < p.words(); ++i)
            for (std::uint64_t bits = states_.named(i) & ~(held[i] | apart[i]); bits != 0; bits &= bits - 1)
                if (is_rest({64 * i + static_cast<std::uint32_t>(std::countr_zero(bits))})) return false;
        for (const avro::field f : bound_.risky())
            if (is_rest(f)) return false;
        return true;
    }

    // Appends the object; returns how many bytes were replaced because they were not UTF-8.
    std::uint32_t append(wire::appender& out) const {
        json_writer json(out);
        const cdc::plan& p = event_.plan();
        bool first = true;
        json.raw('{');
        for (std::uint32_t f = p.has_header() ? 1 : 0; f < p.field_count(); ++f) {
            if (p[{f}].child_count == 0 || !append_children(json, {f}, first))
                append_member(json, {f}, p.name({f}), first);
        }
        append_diffs(json, first);
        json.raw('}');
        return json.replaced();
    }

  private:
    // Whether a compound's value is the record whose members have numbers of their own.
    bool is_object(avro::field f) const noexcept {
        const avro::op& o = event_.plan()[f];
        return o.child_count != 0 && states_.has_value(f) && states_.value(f).node() == o.record;
    }
    bool has_column(avro::field f) const noexcept { return bound_.column_of(f) != bound_field::no_column; }
    bool is_held(avro::field f) const noexcept {
        const std::uint32_t column = bound_.column_of(f);
        return has_column(f)
               && (!states_.has_value(f) || fits(bound_.layout().columns()[column], bound_[column], event_));
    }
    bool is_rest(avro::field f) const noexcept {
        return event_.plan()[f].wanted && !bound_.held_apart().contains(f) && !event_.diff_fields().contains(f)
               && stated(f) && !is_object(f) && !is_held(f);
    }
    // Of a new record only what has a value is stated here: that all others are empty, the change type says.
    bool stated(avro::field f) const noexcept {
        return states_.has_value(f) || (states_.few() && states_[f] == cdc::field_state::null);
    }
    void append_member(json_writer& json, avro::field f, std::string_view name, bool& first) const {
        if (!is_rest(f)) return;
        json.avro_key(name, first);
        if (states_.has_value(f))
            json.value(states_.value(f));
        else
            json.null();
    }
    bool no_child_has_a_column(avro::field f) const noexcept {
        const avro::op& o = event_.plan()[f];
        for (std::uint32_t c = o.first_child; c < o.first_child + o.child_count; ++c)
            if (has_column({c})) return false;
        return true;
    }
    // False if the compound is to be written as any other field, since it is no object of its children.
    bool append_children(json_writer& json, avro::field f, bool& first) const {
        const cdc::plan& p = event_.plan();
        const avro::op& o = p[f];
        if (states_.has_value(f) && !is_object(f)) return false;
        if (!states_.has_value(f) && states_.listed(f) && no_child_has_a_column(f)) return false; // null as a whole
        bool opened = false, first_child = true;
        for (std::uint32_t c = o.first_child; c < o.first_child + o.child_count; ++c) {
            if (!is_rest({c})) continue;
            if (!opened) {
                json.avro_key(p.name(f), first);
                json.raw('{');
                opened = true;
            }
            append_member(json, {c}, p.name({c}).substr(p.name(f).size() + 1), first_child);
        }
        if (opened) json.raw('}');
        return true;
    }
    // Whether there is a patch of a field that the plan's projection does not leave out.
    bool has_diffs() const noexcept {
        for (const avro::field f : event_.diff_fields().fields())
            if (event_.plan()[f].wanted) return true;
        return false;
    }
    void append_diffs(json_writer& json, bool& first) const {
        const cdc::field_list diffs = event_.diff_fields();
        if (!has_diffs()) return;
        json.key("_sf_diff", first);
        json.raw('{');
        bool first_diff = true;
        for (const avro::field f : diffs.fields()) {
            if (!event_.plan()[f].wanted) continue;
            json.key(event_.plan().name(f), first_diff);
            detail::append_seen_value(json, event_, f); // null where there is no value
        }
        json.raw('}');
    }

    const bound_layout& bound_;
    const cdc::event& event_;
    const cdc::event::states states_;
};

} // namespace sfcdc::inline v0::row
