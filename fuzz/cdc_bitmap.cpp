// Any text as an element of changedFields, against a reader that looks at one digit at a time.
#include "fuzz.hpp"

#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/field_list.hpp>

#include <memory>
#include <vector>

using namespace sfcdc;

namespace {

errc slow(std::string_view digits, std::uint32_t count, std::vector<bool>& bits) {
    bool beyond = false;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const int digit = wire::hex_digit(digits[digits.size() - 1 - i]);
        if (digit < 0) return errc::bitmap_syntax;
        for (std::size_t b = 0; b < 4; ++b) {
            if ((digit >> b & 1) == 0) continue;
            if (4 * i + b >= count)
                beyond = true;
            else
                bits[4 * i + b] = true;
        }
    }
    return beyond ? errc::bitmap_bit_beyond_fields : errc::none;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    // A place for up to 510 fields; the event's own ones in half of the cases.
    const std::uint32_t first = data[0] < 128 ? 0 : data[0], count = 2u * data[1];
    const fuzz::exact_bytes digits({data + 2, size - 2});
    // The digits alone, and again with bytes in front that may be read.
    const fuzz::exact_bytes with_front({data, size});
    for (const std::size_t in_front : {std::size_t{0}, std::size_t{2}, size / 2}) {
        const std::string_view text = in_front == 0 ? digits.text() : with_front.text().substr(in_front);
        std::vector<bool> bits(count);
        const errc expected = slow(text, count, bits);
        const std::unique_ptr<std::uint64_t[]> words(new std::uint64_t[(first + count + 63) / 64]());
        const std::unique_ptr<avro::field[]> fields(new avro::field[count + 8]);
        cdc::bitmap_target to{fields.get(), words.get()};
        const errc got = first == 0 ? cdc::expand_own_bitmap(text, count, to, in_front)
                                    : cdc::expand_bitmap(text, first, count, to);
        // Of two mistakes either may be named.
        fuzz::require((got == errc::none) == (expected == errc::none));
        if (got != errc::none) continue;
        const avro::field* f = fields.get();
        for (std::uint32_t i = 0; i < first + count; ++i) {
            const bool set = i >= first && bits[i - first];
            fuzz::require((words[i / 64] >> i % 64 & 1) == (set ? 1u : 0u));
            if (set) fuzz::require(f != to.fields && (f++)->number == i);
        }
        fuzz::require(f == to.fields);
    }

    static const auto [plan, bad] = avro::compile(
        R"({"type":"record","name":"E","fields":[{"name":"a","type":["null","string"]},{"name":"b","type":["null",)"
        R"({"type":"record","name":"R","fields":[{"name":"x","type":["null","long"]},{"name":"y","type":["null","long"]}]}]}]})");
    fuzz::require(!bad);
    cdc::field_list_memory memory;
    memory.prepare(plan);
    memory.clear(plan);
    // Several of them, whose fields are sorted and not repeated, whatever their order.
    for (const std::string_view element : {digits.text(), std::string_view("1-0x2"), digits.text()}) {
        if (memory.add(plan, element) != errc::none) break;
        const cdc::field_list list = memory.list(plan);
        std::uint32_t next = 0;
        for (auto i = list.begin(); i != list.end(); ++i) {
            fuzz::require(i.field().number >= next && i.field().number < plan.size() && !(*i).empty());
            next = i.field().number + 1;
            fuzz::require(list.contains(i.field()));
        }
        fuzz::require(list.size() == list.set().size());
    }
    return 0;
}
