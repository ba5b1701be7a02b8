// Expands changedFields, nulledFields and diffFields: from their bitmaps to fields.
//
// The array holds "0x..." for the event's own fields and "POSITION-0x..." for the children of a compound field, in any
// order; a lone nested element is common (geocoding). An empty text or bitmap stands for nothing.
// Source: Pub/Sub API guide, "Event Deserialization Considerations"; real events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/bitmap.hpp>
#include <sfcdc/cdc/field_list.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/decimal.hpp>

namespace sfcdc::inline v0::cdc {

// What one list is expanded into: memory for the widest plan so far, used again for every event.
class field_list_memory {
  public:
    using bytes = std::span<const std::byte>;

    // Makes room for the fields of this plan. All others of its functions must be given plans that it was prepared for.
    void prepare(const avro::plan& p) {
        if (words_.size() >= p.words()) [[likely]]
            return;
        constexpr std::size_t written_ahead = 8; // The kernels write so many fields more than there are.
        words_.resize(p.words());
        fields_.resize(2 * std::size_t{p.no_field()} + written_ahead); // All, and one more bitmap that repeats them.
    }
    // The fields so far. The view ends with the next clear(), add() or expand().
    field_list list(const avro::plan& p) const noexcept { return {p, {fields_.data(), size_}, set(p)}; }

    void clear(const avro::plan& p) noexcept {
        avro::clear_words(words_.data(), p.words());
        size_ = 0;
    }
    // Adds what one element of such an array says. So many bytes in front of it may be read: with more than a hundred it is
    // faster.
    [[gnu::always_inline]] inline errc add(const avro::plan& p, std::string_view element,
                                           std::size_t in_front = 0) noexcept {
        if (size_ != 0 || !has_prefix(element)) [[unlikely]]
            return add_any(p, element);
        bitmap_target to{fields_.data(), words_.data()};
        element.remove_prefix(prefix_size);
        const errc bad = expand_own_bitmap(element, p.field_count(), to, in_front + prefix_size);
        size_ = static_cast<std::size_t>(to.fields - fields_.data());
        return bad;
    }
    // Expands the whole array that starts at payload[at], in place of what was there. Precondition: the array has been walked
    // before, so that all of it is in the payload. The error's offset is that of the element.
    [[gnu::always_inline]] inline error expand(const avro::plan& p, bytes payload, std::uint32_t at) noexcept {
        // Mostly it is one element of less than 8,192 bytes. There is no branch on whether it has more than 63 of them.
        constexpr std::uint32_t one_item = 2;
        const std::byte* const begin = payload.data() + at;
        const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(begin[i]); };
        if (byte(0) != one_item) [[unlikely]]
            return expand_any(p, payload, at);
        const std::uint32_t is_long = byte(1) >> 7;
        const std::uint32_t high = byte(2) << 6 & (0 - is_long);
        const std::size_t length = (byte(1) & 0x7f) / 2 | high;
        const std::uint32_t first = 2 + is_long;
        const bool goes_on = (byte(2) & is_long << 7) != 0;
        if (goes_on || byte(first + length) != 0) [[unlikely]]
            return expand_any(p, payload, at);
        clear(p);
        const std::string_view element(wire::as_chars(payload).data() + at + first, length);
        return {add(p, element, at + first), at + 1};
    }

  private:
    static constexpr std::size_t prefix_size = 2; // "0x", or "0X"

    static bool has_prefix(std::string_view element) noexcept {
        return element.size() >= prefix_size && element[0] == '0' && (element[1] | 0x20) == 'x';
    }
    avro::field_set set(const avro::plan& p) const noexcept { return avro::field_set({words_.data(), p.words()}); }

    // The fields that a bitmap is about.
    struct range {
        std::uint32_t first = 0;
        std::uint32_t count = 0;
    };
    // Takes "POSITION-" off the element, and looks up the children of the compound at that position.
    static errc take_position(const avro::plan& p, std::size_t dash, std::string_view& element, range& of) noexcept {
        const wire::decimal position = wire::read_decimal(element);
        if (position.value > 0xffff'ffff) return errc::bitmap_parent_not_a_record;
        if (position.length != dash || dash == 0) return errc::bitmap_syntax;
        if (position.value >= p.field_count()) return errc::bitmap_parent_not_a_record;
        const avro::op& compound = p.ops()[static_cast<std::size_t>(position.value)];
        if (compound.child_count == 0) return errc::bitmap_parent_not_a_record;
        of = {compound.first_child, compound.child_count};
        element.remove_prefix(dash + 1);
        return errc::none;
    }
    // Adds an element of any form, behind others.
    [[gnu::noinline]] errc add_any(const avro::plan& p, std::string_view element) noexcept {
        if (element.empty()) return errc::none;
        range of{0, p.field_count()};
        if (const std::size_t dash = element.find('-'); dash != std::string_view::npos)
            if (const errc bad = take_position(p, dash, element, of); bad != errc::none) return bad;
        if (!has_prefix(element)) return errc::bitmap_syntax;
        const std::size_t before = size_;
        bitmap_target to{fields_.data() + before, words_.data()};
        element.remove_prefix(prefix_size);
        const errc bad = expand_bitmap(element, of.first, of.count, to);
        size_ = static_cast<std::size_t>(to.fields - fields_.data());
        const bool is_first = before == 0 || size_ == before;
        if (!is_first && fields_[before].number <= fields_[before - 1].number) sort(p);
        return bad;
    }
    // The fields in order and once each, where elements come in another order or repeat something.
    void sort(const avro::plan& p) noexcept {
        size_ = 0;
        for (const avro::field f : set(p)) fields_[size_++] = f;
    }
    // Expands an array of any form.
    [[gnu::noinline]] error expand_any(const avro::plan& p, bytes payload, std::uint32_t at) noexcept {
        clear(p);
        avro::cursor in(payload, at);
        while (std::uint64_t count = in.read_block()) {
            for (; count > 0; --count) {
                const std::uint32_t where = in.offset();
                const std::string_view element = in.read_string();
                if (in.failed()) return in.error();
                const char* const first = wire::as_chars(payload).data();
                const auto in_front = static_cast<std::size_t>(element.data() - first);
                if (const errc bad = add(p, element, in_front); bad != errc::none) return {bad, where};
            }
        }
        return in.error();
    }

    std::vector<std::uint64_t> words_;
    std::vector<avro::field> fields_; // The first size_ of them count.
    std::size_t size_ = 0;
};

} // namespace sfcdc::inline v0::cdc
