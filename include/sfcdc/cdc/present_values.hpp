// event::for_each_present(): all values of an event, each as its type.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/read.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/value.hpp>
#include <sfcdc/cdc/event.hpp>

namespace sfcdc::inline v0::cdc {

namespace detail {

// A loop over the fields of one type that have a value. The types of most fields have a loop each: a processor would guess
// wrong where a branch on the type stood in front of each value.
class present_fields {
  public:
    explicit present_fields(const event& e) noexcept : plan_(e.plan()), present_(e.present().words()) {}

    template<class F> [[gnu::always_inline]] inline void of_type(avro::type type, F&& f) const {
        const auto typed = plan_.of_type(type).words(), header = plan_.header_set().words();
        for (std::uint32_t word = 0; word < typed.size(); ++word) {
            std::uint64_t bits = present_[word] & typed[word];
            if (!header.empty()) bits &= ~header[word];
            for (; bits != 0; bits &= bits - 1) f(64 * word + static_cast<std::uint32_t>(std::countr_zero(bits)));
        }
    }

  private:
    const plan& plan_;
    const std::span<const std::uint64_t> present_;
};

// A value whose type is known only when it is read: of a union of several types, and of types that Salesforce does not use.
template<class F> void call_with_value(const avro::value& v, avro::field field, std::string_view name, F& f) {
    using enum avro::type;
    const auto read = [&]<class T>(T into) { return v.read(into), f(field, name, into); };
    switch (v.type()) {
    case null: return;
    case boolean: return read(false);
    case int_: return read(std::int32_t{});
    case long_: return read(std::int64_t{});
    case float_: return read(float{});
    case double_: return read(double{});
    case string:
    case enum_: return read(std::string_view{});
    case bytes:
    case fixed: return read(std::span<const std::byte>{});
    default: return f(field, name, v);
    }
}

} // namespace detail

template<class F> void event::for_each_present(F&& f) const {
    if (plan_ == nullptr) return;
    using enum avro::type;
    const detail::present_fields fields(*this);
    const avro::sound_payload payload(payload_);
    const avro::name_table& names = plan_->names();
    const std::uint32_t* const at = datum_->begins().data();
    fields.of_type(string, [&](std::uint32_t n) { f(avro::field{n}, names[n], payload.text(at[n])); });
    fields.of_type(double_, [&](std::uint32_t n) { f(avro::field{n}, names[n], payload.double_(at[n])); });
    fields.of_type(boolean, [&](std::uint32_t n) { f(avro::field{n}, names[n], payload.boolean(at[n])); });
    fields.of_type(long_, [&](std::uint32_t n) { f(avro::field{n}, names[n], payload.integer(at[n])); });
    fields.of_type(int_, [&](std::uint32_t n) {
        f(avro::field{n}, names[n], static_cast<std::int32_t>(payload.integer(at[n])));
    });
    fields.of_type(null, [&](std::uint32_t n) { // all other types
        const avro::op& o = plan_->ops()[n];
        const avro::value v = value_there({n});
        if (o.child_count == 0 || v.node() != o.record) detail::call_with_value(v, {n}, names[n], f);
    });
}

} // namespace sfcdc::inline v0::cdc
