// changedFields, nulledFields and diffFields: from their bitmaps to fields and names.
//
// The array holds "0x..." for the event's own fields and "POSITION-0x..." for the children of a compound field, in any
// order; a lone nested element is common (geocoding). An empty text or bitmap stands for nothing.
// Source: Pub/Sub API guide, "Event Deserialization Considerations"; real events.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <system_error>
#include <vector>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/bitmap.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/wire/bytes.hpp>

namespace sfcdc::cdc {

// Fields with their names; iterating gives dotted names, the event's own fields first, then the children of compounds.
// A view: it ends with the plan, and with the next event of the decoder that it came from.
class field_list {
  public:
    field_list() = default;
    // In the order of their numbers, and the same as a set.
    field_list(const avro::plan& p, std::span<const avro::field> fields, avro::field_set set) noexcept
        : plan_(&p), fields_(fields), set_(set) {}

    class iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        iterator(const avro::plan* p, const avro::field* at) noexcept : plan_(p), at_(at) {}

        std::string_view operator*() const noexcept { return plan_->name(*at_); }
        avro::field field() const noexcept { return *at_; }
        iterator& operator++() noexcept { return ++at_, *this; }
        iterator operator++(int) noexcept {
            iterator old = *this;
            return ++*this, old;
        }
        friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

      private:
        const avro::plan* plan_ = nullptr; // not the list: it may be a temporary
        const avro::field* at_ = nullptr;
    };

    iterator begin() const noexcept { return {plan_, fields_.data()}; }
    iterator end() const noexcept { return {plan_, fields_.data() + fields_.size()}; }
    bool empty() const noexcept { return fields_.empty(); }
    std::size_t size() const noexcept { return fields_.size(); }
    bool contains(avro::field f) const noexcept { return set_.contains(f); }
    std::span<const avro::field> fields() const noexcept { return fields_; }
    avro::field_set set() const noexcept { return set_; }

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
    std::span<const avro::field> fields_;
    avro::field_set set_;
};

// What a list is expanded into: memory for the widest plan so far, used again for every event.
class field_list_memory {
  public:
    void prepare(const avro::plan& p) {
        if (words_.size() >= p.words()) [[likely]]
            return;
        words_.resize(p.words());
        fields_.resize(2 * std::size_t{p.no_field()} + 8); // all, and one more bitmap that repeats them
    }
    // The fields so far.
    field_list list(const avro::plan& p) const noexcept {
        return {p, std::span(fields_).first(size_), avro::field_set(std::span(words_).first(p.words()))};
    }

    void clear(const avro::plan& p) noexcept {
        avro::clear_words(words_.data(), p.words());
        size_ = 0;
    }
    // One element of such an array, in front of which so many bytes may be read: with more than a hundred it is faster.
    [[gnu::always_inline]] inline errc add(const avro::plan& p, std::string_view element,
                                           std::size_t in_front = 0) noexcept {
        if (size_ != 0 || element.size() < 2 || element[0] != '0' || (element[1] | 0x20) != 'x') [[unlikely]]
            return add_any(p, element);
        bitmap_target to{fields_.data(), words_.data()};
        const errc bad = expand_own_bitmap(element.substr(2), p.field_count(), to, in_front + 2);
        size_ = static_cast<std::size_t>(to.fields - fields_.data());
        return bad;
    }
    // The whole array, which starts at payload[at] and has been walked before; in place of what was there.
    [[gnu::always_inline]] inline error expand(const avro::plan& p, std::span<const std::byte> payload,
                                               std::uint32_t at) noexcept {
        // As it mostly is: one element, of less than 8,192 bytes. No branch on whether it is longer than 63.
        const std::byte* const bytes = payload.data() + at;
        const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(bytes[i]); };
        if (byte(0) != 2) [[unlikely]]
            return expand_any(p, payload, at);
        const std::uint32_t is_long = byte(1) >> 7;
        const std::size_t length = (byte(1) & 0x7f) / 2 | (byte(2) << 6 & (0 - is_long));
        const std::uint32_t first = 2 + is_long;
        if ((byte(2) & is_long << 7) != 0 || byte(first + length) != 0) [[unlikely]]
            return expand_any(p, payload, at);
        clear(p);
        return {add(p, {wire::as_chars(payload).data() + at + first, length}, at + first), at + 1};
    }

  private:
    // Of any form, and behind others.
    [[gnu::noinline]] errc add_any(const avro::plan& p, std::string_view element) noexcept {
        if (element.empty()) return errc::none;
        const std::size_t before = size_;
        std::uint32_t first = 0, count = p.field_count();
        if (const std::size_t dash = element.find('-'); dash != std::string_view::npos) { // of a compound's children
            std::uint32_t position = 0;
            const auto [end, bad] = std::from_chars(element.data(), element.data() + dash, position);
            if (bad == std::errc::result_out_of_range) return errc::bitmap_parent_not_a_record;
            if (bad != std::errc() || end != element.data() + dash) return errc::bitmap_syntax;
            if (position >= count || p[{position}].child_count == 0) return errc::bitmap_parent_not_a_record;
            first = p[{position}].first_child, count = p[{position}].child_count;
            element.remove_prefix(dash + 1);
        }
        if (element.size() < 2 || element[0] != '0' || (element[1] | 0x20) != 'x') return errc::bitmap_syntax;
        bitmap_target to{fields_.data() + size_, words_.data()};
        const errc bad = expand_bitmap(element.substr(2), first, count, to);
        size_ = static_cast<std::size_t>(to.fields - fields_.data());
        // In another order than theirs, or said before.
        if (before != 0 && size_ != before && fields_[before].number <= fields_[before - 1].number) {
            size_ = 0;
            for (const avro::field f : avro::field_set(std::span(words_).first(p.words()))) fields_[size_++] = f;
        }
        return bad;
    }
    // An array of any form.
    [[gnu::noinline]] error expand_any(const avro::plan& p, std::span<const std::byte> payload,
                                       std::uint32_t at) noexcept {
        clear(p);
        avro::cursor in(payload, at);
        while (std::uint64_t count = in.read_block()) {
            for (; count > 0; --count) {
                const std::uint32_t where = in.offset();
                const std::string_view element = in.read_string();
                if (in.failed()) return in.error();
                const auto in_front = static_cast<std::size_t>(element.data() - wire::as_chars(payload).data());
                if (const errc bad = add(p, element, in_front); bad != errc::none) return {bad, where};
            }
        }
        return in.error();
    }

    std::vector<std::uint64_t> words_;
    std::vector<avro::field> fields_;
    std::size_t size_ = 0; // of the fields
};

} // namespace sfcdc::cdc
