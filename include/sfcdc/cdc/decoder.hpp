// Decodes payloads into events.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include <sfcdc/avro/walker.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/cdc/event_slot.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/cdc/present_values.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/wire/byte_view.hpp>

namespace sfcdc::inline v0::cdc {

// Scratch memory for decoding: one for each thread. Nothing is allocated after the first event of the widest plan.
class decoder {
  public:
    // Decodes one event. Its views look into the plan, the payload and this decoder: none of them may be moved or destroyed
    // while they are used, and the next decode() ends them. The error's offset is in the payload; the event beside an error
    // is empty.
    result<event> decode(const plan& p, wire::byte_view payload) & {
        prepare(p);
        return slots_[0].decode(p, payload.span());
    }
    // The event would outlive the plan, the decoder, or the payload: its texts look into all three.
    result<event> decode(const plan&&, wire::byte_view) & = delete;
    result<event> decode(const plan&, wire::byte_view) && = delete;
    template<wire::owning_temporary R> result<event> decode(const plan&, R&&) & = delete;

    // Calls f(index, const result<event>&) for each payload, in order; an event ends when f returns, which must not use this
    // decoder. Faster than one decode() after the other where fields are many: a dense payload waits for the next dense one,
    // and the two are walked in turns, while those between them wait to be given.
    template<class F> void decode_each(const plan& p, std::span<const std::span<const std::byte>> payloads, F&& f) {
        prepare(p);
        // The walks that are under way: the payload of number n has place n % slot_count here and in slots_.
        std::optional<avro::walker> walkers[slot_count];
        const auto walker = [&](std::size_t n) -> avro::walker& { return *walkers[n % slot_count]; };
        const auto slot = [&](std::size_t n) -> detail::event_slot& { return slots_[n % slot_count]; };
        constexpr std::size_t none = ~std::size_t{0};
        std::size_t begun = 0;     // Payloads whose walk has begun,
        std::size_t given = 0;     // and those that f was called for.
        std::size_t first = none;  // The dense one that waits,
        std::size_t second = none; // and the one that it is walked in turns with.
        while (given < payloads.size()) {
            if (begun == given && !is_dense(p, payloads[given])) { // Nothing waits, as mostly.
                f(given, slots_[0].decode(p, payloads[given]));
                begun = ++given;
                continue;
            }
            if (second == none && begun < payloads.size() && begun - given < slot_count) {
                const std::size_t n = begun++;
                walkers[n % slot_count].emplace(p, payloads[n], slot(n).datum());
                slot(n).start(p, payloads[n], walker(n));
                if (!is_dense(p, payloads[n]))
                    slot(n).walk_body(p, walker(n));
                else if (first == none)
                    first = n;
                else
                    second = n;
            } else if (second == none) {
                walker(first).walk_body();
                first = none;
            } else {
                avro::walker::walk_two(walker(first), walker(second));
                if (walker(second).done()) second = none;
                if (walker(first).done()) first = std::exchange(second, none);
            }
            for (; given < begun && given != first && given != second; ++given)
                f(given, slot(given).finish(walker(given)));
        }
    }

  private:
    // Whether so many fields are likely to be there that it pays to walk the payload in turns with another one.
    static bool is_dense(const plan& p, std::span<const std::byte> payload) noexcept {
        constexpr std::size_t header = 256; // A header is not longer, as a rule,
        constexpr std::size_t sparse = 3;   // and a sparse body has fewer bytes a field.
        return payload.size() > header + sparse * std::size_t{p.field_count()};
    }
    void prepare(const plan& p) {
        if (slots_[0].is_prepared_for(p)) [[likely]]
            return;
        for (detail::event_slot& s : slots_) s.prepare(p);
    }

    static constexpr std::size_t slot_count = 16;
    detail::event_slot slots_[slot_count];
};

} // namespace sfcdc::inline v0::cdc
