// Fields with their names: what an event's changedFields, nulledFields and diffFields say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/plan.hpp>

namespace sfcdc::inline v0::cdc {

// Iterating gives dotted names, those of the event's own fields first, then those of the children of compounds. A view: it
// ends with the plan, and with the next event of the decoder that it came from.
class field_list {
  public:
    field_list() = default;
    // The fields in the order of their numbers, and the same as a set.
    field_list(const avro::plan& p, std::span<const avro::field> fields, avro::field_set set) noexcept
        : plan_(&p), fields_(fields), set_(set) {}

    class iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        iterator(const avro::plan* p, const avro::field* at) noexcept : plan_(p), at_(at) {}

        std::string_view operator*() const noexcept { return plan_->names()[at_->number]; }
        avro::field field() const noexcept { return *at_; }
        iterator& operator++() noexcept {
            ++at_;
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator old = *this;
            ++at_;
            return old;
        }
        friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

      private:
        const avro::plan* plan_ = nullptr; // Not the list, which may be a temporary.
        const avro::field* at_ = nullptr;
    };

    iterator begin() const noexcept { return {plan_, fields_.data()}; }
    iterator end() const noexcept { return {plan_, fields_.data() + fields_.size()}; }
    bool empty() const noexcept { return fields_.empty(); }
    std::size_t size() const noexcept { return fields_.size(); }
    bool contains(avro::field f) const noexcept { return set_.contains(f); }
    std::span<const avro::field> fields() const noexcept { return fields_; }
    avro::field_set set() const noexcept { return set_; }

    // Whether all children of a compound field are in the list: its nested bitmap then says the same as the parent's own bit
    // would. The official samples disagree on which of the two to report; sfcdc lists the children, and this gives the
    // parent to those who want it.
    bool contains_all_children(avro::field parent) const noexcept {
        if (plan_ == nullptr) return false;
        const avro::op& o = (*plan_)[parent];
        for (std::uint32_t i = 0; i < o.child_count; ++i)
            if (!contains({o.first_child + i})) return false;
        return o.child_count != 0;
    }

    class parent_range;
    // The names of the compound fields that contains_all_children() holds for.
    parent_range parents() const& noexcept;
    parent_range parents() const&& = delete; // The range looks into the list.

  private:
    std::uint32_t field_count() const noexcept { return plan_ == nullptr ? 0 : plan_->field_count(); }

    const avro::plan* plan_ = nullptr;
    std::span<const avro::field> fields_;
    avro::field_set set_;
};

// A view: it ends with the list.
class field_list::parent_range {
  public:
    class iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        iterator(const field_list& list, std::uint32_t at) noexcept : list_(&list), at_(at) { settle(); }
        std::string_view operator*() const noexcept { return list_->plan_->names()[at_]; }
        iterator& operator++() noexcept {
            ++at_;
            settle();
            return *this;
        }
        iterator operator++(int) noexcept {
            iterator old = *this;
            ++*this;
            return old;
        }
        friend bool operator==(const iterator& a, const iterator& b) noexcept { return a.at_ == b.at_; }

      private:
        void settle() noexcept {
            while (at_ < list_->field_count() && !list_->contains_all_children({at_})) ++at_;
        }
        const field_list* list_ = nullptr;
        std::uint32_t at_ = 0;
    };
    explicit parent_range(const field_list& list) noexcept : list_(list) {}
    iterator begin() const noexcept { return {list_, 0}; }
    iterator end() const noexcept { return {list_, list_.field_count()}; }

  private:
    const field_list& list_;
};

inline field_list::parent_range field_list::parents() const& noexcept { return parent_range(*this); }

} // namespace sfcdc::inline v0::cdc
