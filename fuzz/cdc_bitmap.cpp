// Any text as an element of changedFields, against a reader that looks at one digit at a time; every kernel.
#include "fuzz.hpp"

#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/field_list.hpp>

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
    const std::uint32_t first = data[0], count = data[1];
    const fuzz::exact_bytes digits({data + 2, size - 2});
    std::vector<std::uint64_t> words((first + count + 63) / 64 + 1);
    std::vector<bool> bits(count);
    const errc got = cdc::expand_bitmap(digits.text(), first, count, words.data());
    const errc expected = slow(digits.text(), count, bits);
    // Of two mistakes either may be named.
    fuzz::require((got == errc::none) == (expected == errc::none));
    if (got == errc::none)
        for (std::uint32_t i = 0; i < first + count; ++i)
            fuzz::require((words[i / 64] >> i % 64 & 1) == (i >= first && bits[i - first] ? 1u : 0u));
    // The kernels on the last digits, and the whole again with bytes in front that may be read.
#ifdef SFCDC_BITMAP_VECTOR128
    for (std::size_t n = 1; digits.text().size() >= 16 && n <= 16; ++n) {
        const char* const end = digits.text().data() + digits.text().size();
        std::uint64_t a = 0, b = 0;
        const bool sound = cdc::scalar::read_digits(end - n, n, a);
        fuzz::require(cdc::vector128::read_digits(end - n, n, digits.text().size() - n, b) == sound
                      && (!sound || a == b));
    }
#endif
    const fuzz::exact_bytes with_front({data, size});
    std::vector<std::uint64_t> again(words.size());
    const errc other = cdc::expand_bitmap(with_front.text().substr(2), first, count, again.data(), 2);
    fuzz::require((other == errc::none) == (got == errc::none) && (got != errc::none || again == words));

    static const auto [plan, bad] = avro::compile(
        R"({"type":"record","name":"E","fields":[{"name":"a","type":["null","string"]},{"name":"b","type":["null",)"
        R"({"type":"record","name":"R","fields":[{"name":"x","type":["null","long"]},{"name":"y","type":["null","long"]}]}]}]})");
    fuzz::require(!bad);
    std::vector<std::uint64_t> set((plan.size() + 63) / 64);
    if (cdc::expand_element(plan, digits.text(), set.data()) == errc::none) {
        fuzz::require(set[0] < 16);
        const cdc::field_list list(plan, avro::field_set(set));
        std::size_t n = 0;
        for (const std::string_view name : list) n += !name.empty();
        fuzz::require(n == list.size());
    }
    return 0;
}
