// changedFields, nulledFields and diffFields: from their bitmaps to fields and names.
//
// The array holds "0x..." for the event's own fields and "POSITION-0x..." for the children of a compound field, in any
// order; a lone nested element is common (geocoding). An empty text or bitmap stands for nothing.
// Source: Pub/Sub API guide, "Event Deserialization Considerations"; real events.
#pragma once

#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/bitmap.hpp>
#include <sfcdc/error.hpp>

namespace sfcdc::cdc {

// A set of fields with their names; iterating gives dotted names, the event's own fields first, then the children of compounds.
// A view: it ends with the plan, and with the next event of the decoder that it came from.
class field_list {
  public:
    field_list() = default;
    field_list(const avro::plan& p, avro::field_set fields) noexcept : plan_(&p), fields_(fields) {}

    class iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        iterator(const avro::plan* p, avro::field_set fields) noexcept : plan_(p), at_(fields.begin()) {}

        std::string_view operator*() const noexcept { return plan_->name(*at_); }
        avro::field field() const noexcept { return *at_; }
        iterator& operator++() noexcept { return ++at_, *this; }
        iterator operator++(int) noexcept {
            iterator old = *this;
            return ++*this, old;
        }
        friend bool operator==(const iterator&, const iterator&) = default;
        friend bool operator==(const iterator& i, std::default_sentinel_t end) noexcept { return i.at_ == end; }

      private:
        const avro::plan* plan_ = nullptr; // not the list: it may be a temporary
        avro::field_set::iterator at_;
    };

    iterator begin() const noexcept { return {plan_, fields_}; }
    std::default_sentinel_t end() const noexcept { return {}; }
    bool empty() const noexcept { return fields_.empty(); }
    std::size_t size() const noexcept { return fields_.size(); }
    bool contains(avro::field f) const noexcept { return fields_.contains(f); }
    avro::field_set fields() const noexcept { return fields_; }

    // Whether all children of a compound field are in the list: its nested bitmap then says the same as the parent's
    // own bit would. The official samples disagree on which of the two to report; sfcdc lists the children, and this
    // gives the parent to those who want it.
    bool contains_all_children(avro::field parent) const noexcept {
        const avro::op& o = (*plan_)[parent];
        for (std::uint32_t i = 0; i < o.child_count; ++i)
            if (!contains({o.first_child + i})) return false;
        return o.child_count != 0;
    }

    // The names of the compound fields that contains_all_children() holds for.
    class parent_range {
      public:
        class iterator {
          public:
            using value_type = std::string_view;
            using difference_type = std::ptrdiff_t;

            iterator() = default;
            iterator(const field_list& list, std::uint32_t at) noexcept : list_(&list), at_(at) { settle(); }
            std::string_view operator*() const noexcept { return list_->plan_->name({at_}); }
            iterator& operator++() noexcept { return ++at_, settle(), *this; }
            iterator operator++(int) noexcept {
                iterator old = *this;
                return ++*this, old;
            }
            friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

          private:
            void settle() noexcept {
                while (at_ < list_->top_level() && !list_->contains_all_children({at_})) ++at_;
            }
            const field_list* list_ = nullptr;
            std::uint32_t at_ = 0;
        };
        explicit parent_range(const field_list& list) noexcept : list_(list) {}
        iterator begin() const noexcept { return {list_, 0}; }
        iterator end() const noexcept { return {list_, list_.top_level()}; }

      private:
        const field_list& list_;
    };
    parent_range parents() const& noexcept { return parent_range(*this); }
    parent_range parents() const&& = delete; // the range looks into the list

  private:
    std::uint32_t top_level() const noexcept { return plan_ == nullptr ? 0 : plan_->field_count(); }

    const avro::plan* plan_ = nullptr;
    avro::field_set fields_;
};

// "POSITION-0x..." into `words`.
[[gnu::noinline]] inline errc expand_nested_element(const avro::plan& p, std::string_view element,
                                                    std::uint64_t* words, std::size_t in_front) noexcept {
    const std::size_t dash = element.find('-');
    if (dash == std::string_view::npos) return errc::bitmap_syntax;
    std::uint32_t position = 0;
    const auto [end, bad] = std::from_chars(element.data(), element.data() + dash, position);
    if (bad == std::errc::result_out_of_range) return errc::bitmap_parent_not_a_record;
    if (bad != std::errc() || end != element.data() + dash) return errc::bitmap_syntax;
    if (position >= p.field_count() || p[{position}].child_count == 0) return errc::bitmap_parent_not_a_record;
    const std::string_view bitmap = element.substr(dash + 1);
    if (bitmap.size() < 2 || bitmap[0] != '0' || (bitmap[1] | 0x20) != 'x') return errc::bitmap_syntax;
    const avro::op& parent = p[{position}];
    return expand_bitmap(bitmap.substr(2), parent.first_child, parent.child_count, words, in_front + dash + 3);
}

// One element of such an array into `words`, a set over all fields of the plan. `in_front`: as for expand_bitmap.
inline errc expand_element(const avro::plan& p, std::string_view element, std::uint64_t* words,
                           std::size_t in_front = 0) noexcept {
    if (element.size() >= 2 && element[0] == '0' && (element[1] | 0x20) == 'x') [[likely]]
        return expand_bitmap(element.substr(2), 0, p.field_count(), words, in_front + 2);
    return element.empty() ? errc::none : expand_nested_element(p, element, words, in_front);
}

// The whole array, which starts at payload[at] and has been walked before, into `words`, which need not have been cleared.
[[gnu::noinline]] inline error expand_elements(const avro::plan& p, std::span<const std::byte> payload,
                                               std::uint32_t at, std::uint64_t* words) noexcept {
    avro::clear_words(words, p.words());
    avro::cursor in(payload, at);
    while (std::uint64_t count = in.read_block()) {
        for (; count > 0; --count) {
            const std::uint32_t where = in.offset();
            const std::string_view element = in.read_string();
            if (in.failed()) return in.error();
            const auto in_front = static_cast<std::size_t>(element.data() - wire::as_chars(payload).data());
            if (const errc bad = expand_element(p, element, words, in_front); bad != errc::none) return {bad, where};
        }
    }
    return in.error();
}
[[gnu::always_inline]] inline error expand_field_list(const avro::plan& p, std::span<const std::byte> payload,
                                                      std::uint32_t at, std::uint64_t* words) noexcept {
    // As it mostly is: one element, of less than 8,192 bytes, and of the event's own fields.
    const std::byte* const bytes = payload.data() + at;
    const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(bytes[i]); };
    if (byte(0) == 2 && (byte(1) < 0x80 || byte(2) < 0x80)) [[likely]] {
        const bool is_short = byte(1) < 0x80;
        const std::size_t length = is_short ? byte(1) / 2 : (byte(1) & 0x7f) / 2 | byte(2) << 6;
        const std::uint32_t first = is_short ? 2 : 3;
        if (length >= 2 && byte(first) == '0' && (byte(first + 1) | 0x20) == 'x' && byte(first + length) == 0)
            [[likely]] {
            const std::uint32_t digits = at + first + 2;
            const std::size_t own = (std::size_t{p.field_count()} + 63) / 64;
            avro::clear_words(words + own, p.words() - own);
            return {
                write_bitmap({wire::as_chars(payload).data() + digits, length - 2}, p.field_count(), words, digits),
                at + 1};
        }
    }
    return expand_elements(p, payload, at, words);
}

} // namespace sfcdc::cdc
