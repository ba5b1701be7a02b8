// Whether all texts of an event are UTF-8. Avro says that strings are, but a decoder that copies nothing does not look: who
// needs to be sure asks here, at a few nanoseconds a text.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/read.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/value.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/cdc/header_members.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/simd/block.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/utf8.hpp>

namespace sfcdc::inline v0::cdc {

// Made once for a plan, and then used for its events, by any number of threads. It does not refer to the plan.
//
// What is looked at: strings that the plan sees, also within arrays, maps, records and unions, and keys of maps. What is not:
// symbols and names, which are the schema's, and the bitmaps of changedFields and its siblings, since events decode only if
// these are hexadecimal digits.
class utf8_check {
  public:
    explicit utf8_check(const plan& p) : strings_(p.words(), 0) {
        const std::vector<bool> has_text = types_with_text(p.schema());
        for (std::uint32_t i = 0; i < p.size(); ++i) {
            const avro::field f{i};
            if (p.header_set().contains(f) || !p.wanted().contains(f)) continue;
            const avro::op& o = p.ops()[i];
            if (o.kind == avro::op_kind::text && p.schema()[o.node].type == avro::type::string)
                strings_[i / 64] |= std::uint64_t{1} << i % 64;
            else if (o.kind == avro::op_kind::other && has_text[o.node])
                others_.push_back(f);
        }
    }

    // Whether all texts of the event are UTF-8. The event is one of the plan that this was made for.
    bool is_valid(const event& e) const noexcept {
        const std::string_view payload = wire::as_chars(e.payload());
        const auto readable = [end = payload.data() + payload.size()](std::string_view text) {
            return static_cast<std::size_t>(end - text.data());
        };
        wire::utf8_batch texts;
        if (e.has_header()) {
            const event_header h = e.header();
            const std::string_view key = h.transaction_key(), user = h.commit_user();
            const auto front = static_cast<std::size_t>(key.data() + key.size() - payload.data());
            if (!e.plan().has_usual_header() || !is_ascii(payload, front)) [[unlikely]]
                if (invalid_member(e)) return false;
            texts.add(user, user.empty() ? 0 : readable(user));
        }
        const avro::sound_payload values(e.payload());
        const auto present = e.present().words();
        for (std::uint32_t word = 0; word < present.size(); ++word)
            for (std::uint64_t left = strings_[word] & present[word]; left != 0; left &= left - 1) {
                const avro::field f{64 * word + static_cast<std::uint32_t>(std::countr_zero(left))};
                const std::string_view text = values.text(e.offset(f));
                texts.add(text, values.readable(text));
            }
        bool valid = texts.good();
        for (const avro::field f : others_) valid = valid && (!e.has_value(f) || is_valid(e.value(f)));
        return valid;
    }

    // The first field of which a text is not UTF-8: a member of the header, or a field of the body, of a compound its child.
    // False when all are. Slower than is_valid().
    avro::field first_invalid(const event& e) const noexcept {
        if (e.has_header())
            if (const avro::field f = invalid_member(e); f) return f;
        for (std::uint32_t i = 0; i < e.plan().size(); ++i) {
            const avro::field f{i};
            const bool is_looked_at = avro::field_set(strings_).contains(f)
                                      || std::find(others_.begin(), others_.end(), f) != others_.end();
            if (is_looked_at && e.has_value(f) && !is_valid(e.value(f))) return f;
        }
        return {};
    }

  private:
    // For each type of a schema, whether its values may hold a string. A type is defined in front of where it is used, or
    // around that place, so that few rounds are needed, however long a chain of types is.
    static std::vector<bool> types_with_text(const avro::schema& s) {
        std::vector<bool> has_text(s.size(), false);
        for (bool changed = true; changed;) {
            changed = false;
            for (std::uint32_t i = 0; i < s.size(); ++i) {
                if (has_text[i]) continue;
                const avro::schema::node& n = s[i];
                bool found = n.type == avro::type::string || n.type == avro::type::map;
                if (n.type == avro::type::array) found = has_text[n.first];
                if (n.type == avro::type::union_)
                    for (const std::uint32_t branch : s.branches(n)) found = found || has_text[branch];
                if (n.type == avro::type::record)
                    for (const avro::schema::field& f : s.fields(n)) found = found || has_text[f.node];
                has_text[i] = found;
                changed = changed || found;
            }
        }
        return has_text;
    }

    static bool is_valid(const avro::value& v) noexcept {
        bool valid = true;
        const auto look = [&](const avro::value& part) { valid = valid && is_valid(part); };
        switch (v.type()) {
        case avro::type::string: {
            std::string_view text;
            return v.read(text) && wire::is_utf8(text);
        }
        case avro::type::array: v.for_each_item(look); return valid;
        case avro::type::map:
            v.for_each_entry([&](std::string_view key, const avro::value& part) {
                valid = valid && wire::is_utf8(key);
                look(part);
            });
            return valid;
        case avro::type::record:
            v.for_each_field([&](std::string_view, const avro::value& part) { look(part); });
            return valid;
        default: return true;
        }
    }

    // Of the usual header all that is in front of sequenceNumber: no number is among it, and its lengths and counts are mostly
    // below 0x80, too. 64 to 128 bytes are looked at without a branch on how many there are.
    static bool is_ascii(std::string_view payload, std::size_t front) noexcept {
        using simd::block;
        if (front < 64 || front > 127 || payload.size() < 128)
            return wire::find_not_ascii(payload.substr(0, front)) == front;
        const auto odd = [&](std::size_t at) {
            const auto four = [&](std::size_t i) { return tops(block::load(payload.data() + at + i)); };
            return bits(four(0), four(16), four(32), four(48));
        };
        return (odd(0) | (odd(64) & ((std::uint64_t{1} << (front - 64)) - 1))) == 0;
    }
    // The first member of the header that is not UTF-8.
    static avro::field invalid_member(const event& e) noexcept {
        const event_header h = e.header();
        const auto member = [&](header_member m) { return e.plan().member(m); };
        if (!wire::is_utf8(h.entity_name())) return member(header_member::entity_name);
        for (const std::string_view id : h.record_ids())
            if (!wire::is_utf8(id)) return member(header_member::record_ids);
        if (!wire::is_utf8(h.change_origin())) return member(header_member::change_origin);
        if (!wire::is_utf8(h.transaction_key())) return member(header_member::transaction_key);
        return wire::is_utf8(h.commit_user()) ? avro::field{} : member(header_member::commit_user);
    }

    std::vector<std::uint64_t> strings_; // the fields that are strings, as a set
    std::vector<avro::field> others_;    // those that may have strings within
};

} // namespace sfcdc::inline v0::cdc
