// Any text as an element of changedFields, against a reader that looks at one digit at a time.
#include "fuzz.hpp"

#include "../tests/reference/bitmap.hpp"

#include <sfcdc/avro/compile.hpp>
#include <sfcdc/cdc/field_list_memory.hpp>

#include <memory>
#include <vector>

using namespace sfcdc;

namespace {

// Whether the digits are a bitmap of so many fields, and of which.
bool expanded(std::string_view digits, std::uint32_t count, std::vector<bool>& bits) {
    const auto positions = reference::bitmap_positions(digits);
    if (!positions) return false;
    for (const std::size_t position : *positions) {
        if (position >= count) return false;
        bits[position] = true;
    }
    return true;
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
        const bool expected = expanded(text, count, bits);
        const std::unique_ptr<std::uint64_t[]> words(new std::uint64_t[(first + count + 63) / 64]());
        const std::unique_ptr<avro::field[]> fields(new avro::field[count + 8]);
        cdc::bitmap_target to{fields.get(), words.get()};
        const errc got = first == 0 ? cdc::expand_own_bitmap(text, count, to, in_front)
                                    : cdc::expand_bitmap(text, first, count, to);
        fuzz::require((got == errc::none) == expected); // of two mistakes either may be named
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
