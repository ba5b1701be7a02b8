// Which columns of a typed table an event sets: what AUTO CDC's COLUMNS TO UPDATE and a MERGE need to tell "cleared" from
// "unchanged".
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/field_value.hpp>

namespace sfcdc::inline v0::row {

// The names of the field columns whose value the event states, in the order of the plan's fields. Of an UPDATE these are
// the fields that changedFields and nulledFields name, where a compound stands for all of its children; of an event that
// states a whole record, and of a platform event, all fields that the plan has; of a DELETE or a gap none. A field that
// diffFields names is left out, since its value is a patch; and so is one whose value does not fit its column. In front of
// them stands the column of the commit time, if the layout has one, because that moves with every change.
//
// A view: it ends with the bound layout and the event.
class columns_to_update {
  public:
    columns_to_update(const bound_layout& bound, const cdc::event& e) noexcept
        : columns_to_update(bound, e, e.field_states()) {}
    // The same where the states are known.
    columns_to_update(const bound_layout& bound, const cdc::event& e, const cdc::event::states& states) noexcept
        : bound_(bound), event_(e), whole_(!states.few()), lists_count_(states.lists_count()) {
        const auto compounds = bound.compounds().words();
        for (std::size_t i = 0; lists_count_ && i < compounds.size(); ++i)
            if ((compounds[i] & listed(i)) != 0) compound_listed_ = true;
        all_ = whole_ && event_.diff_fields().empty() && all_values_fit();
    }

    // Whether these are all of bound_layout::settable(), as of nearly every event that states a whole record.
    bool are_all() const noexcept { return all_; }
    const bound_layout& bound() const noexcept { return bound_; }

    columns_to_update(const bound_layout&&, const cdc::event&) = delete; // It looks into both.
    columns_to_update(const bound_layout&, const cdc::event&&) = delete;
    columns_to_update(const bound_layout&&, const cdc::event&&) = delete;

    class iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(const columns_to_update& of) noexcept : of_(&of), column_(of.bound_.commit_time_column()) {
            if (of.all_)
                next_of_all();
            else if (!of.whole_ && !of.lists_count_)
                column_ = bound_field::no_column;
            else if (column_ == bound_field::no_column)
                next_field(0);
        }
        std::string_view operator*() const noexcept { return of_->bound_.layout().columns()[column_].name; }
        iterator& operator++() noexcept {
            if (of_->all_) return next_of_all(), *this;
            if (column_ == of_->bound_.commit_time_column()) return next_field(0), *this;
            column_ = of_->bound_[column_].next;
            if (column_ == bound_field::no_column || !of_->can_hold(column_)) next_field(field_ + 1);
            return *this;
        }
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
            return i.column_ == bound_field::no_column;
        }

      private:
        void next_of_all() noexcept {
            const auto all = of_->bound_.settable();
            column_ = position_ < all.size() ? all[position_++] : bound_field::no_column;
        }
        // The first column, from this field on, that the event sets.
        void next_field(std::uint32_t from) noexcept {
            column_ = bound_field::no_column;
            const auto held = of_->bound_.held().words();
            std::uint64_t skipped = (std::uint64_t{1} << from % 64) - 1;
            for (std::size_t word = from / 64; word < held.size(); ++word, skipped = 0)
                for (std::uint64_t bits = held[word] & of_->may_be_set(word) & ~skipped; bits != 0;
                     bits &= bits - 1) {
                    field_ =
                        static_cast<std::uint32_t>(64 * word) + static_cast<std::uint32_t>(std::countr_zero(bits));
                    if (!of_->is_set({field_})) continue;
                    for (std::uint32_t c = of_->bound_.column_of({field_}); c != bound_field::no_column;
                         c = of_->bound_[c].next)
                        if (of_->can_hold(c)) return static_cast<void>(column_ = c);
                }
        }

        const columns_to_update* of_ = nullptr;
        std::uint32_t field_ = 0, column_ = bound_field::no_column;
        std::size_t position_ = 0; // in settable()
    };

    iterator begin() const noexcept { return iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

  private:
    // A first sieve, for 64 fields together: those outside of it are not set. A child can be set by its compound's bit.
    std::uint64_t may_be_set(std::size_t word) const noexcept {
        if (whole_ || compound_listed_) return ~std::uint64_t{0};
        return lists_count_ ? listed(word) : 0;
    }
    std::uint64_t listed(std::size_t word) const noexcept {
        const auto of = [&](avro::field_set set) { return set.words().empty() ? 0 : set.words()[word]; };
        return of(event_.changed_fields().set()) | of(event_.nulled_fields().set());
    }
    bool is_set(avro::field f) const noexcept {
        const avro::field parent = bound_.plan()[f].parent;
        const auto in = [&](const cdc::field_list& list) {
            return list.contains(f) || (parent && list.contains(parent));
        };
        if (in(event_.diff_fields())) return false;
        return whole_ || in(event_.changed_fields()) || in(event_.nulled_fields());
    }
    bool all_values_fit() const noexcept {
        const auto risky = bound_.risky().words();
        for (std::size_t word = 0; word < risky.size(); ++word)
            for (std::uint64_t bits = risky[word]; bits != 0; bits &= bits - 1) {
                const avro::field f{static_cast<std::uint32_t>(64 * word)
                                    + static_cast<std::uint32_t>(std::countr_zero(bits))};
                for (std::uint32_t c = bound_.column_of(f); c != bound_field::no_column; c = bound_[c].next)
                    if (!can_hold(c)) return false;
            }
        return true;
    }
    bool can_hold(std::uint32_t column) const noexcept {
        const bound_field& b = bound_[column];
        return !event_.has_value(b.field) || fits(bound_.layout().columns()[column], b, event_);
    }

    const bound_layout& bound_;
    const cdc::event& event_;
    const bool whole_, lists_count_;
    bool compound_listed_ = false, all_ = false;
};

} // namespace sfcdc::inline v0::row
