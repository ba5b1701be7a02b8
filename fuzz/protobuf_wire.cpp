// Varints and zig-zag: any bytes are read or refused, and what is read is written back as the same number. And the bytes as
// a message, against a reader that shares no code with this one.
#include "fuzz.hpp"

#include "../tests/reference/protobuf_reader.hpp"

#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/protobuf.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace sfcdc;

namespace {

void read_message(std::string_view message) {
    std::vector<reference::protobuf_field> found;
    bool fixed = false; // which the other reader does not know
    wire::protobuf_reader in(message);
    while (in.next()) {
        const bool text = in.is(in.field(), wire::wire_type::length_delimited);
        fixed = fixed || in.is(in.field(), wire::wire_type::fixed32) || in.is(in.field(), wire::wire_type::fixed64);
        fuzz::require(!text
                      || (in.bytes().data() >= message.data()
                          && in.bytes().data() + in.bytes().size() <= message.data() + message.size()));
        found.push_back({in.field(), text ? 2 : 0, text ? 0 : in.number(), std::string(text ? in.bytes() : "")});
    }
    fuzz::require(in.error().offset <= message.size());
    if (in.error() || fixed) return;
    const std::vector<reference::protobuf_field> right = reference::read_protobuf(message);
    fuzz::require(
        std::equal(found.begin(), found.end(), right.begin(), right.end(), [](const auto& a, const auto& b) {
            return a.number == b.number && a.wire_type == b.wire_type && a.varint == b.varint && a.bytes == b.bytes;
        }));
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::exact_bytes input({data, size});
    read_message(input.text());
    const std::span<const std::byte> bytes = input;
    const std::byte* p = bytes.data();
    const std::byte* const end = p + bytes.size();
    std::string out;
    for (std::uint32_t field = 1; p != end; ++field) {
        const std::byte* const start = p;
        std::uint64_t value = 0;
        if (wire::read_varint(p, end, value) != wire::varint_status::ok) {
            fuzz::require(p == start);
            break;
        }
        fuzz::require(p > start && p - start <= 10);
        fuzz::require(wire::zigzag_encode(wire::zigzag_decode(value)) == value);
        out.resize(wire::max_varint_bytes);
        out.resize(wire::write_varint(out.data(), value));
        fuzz::require(out.size() == wire::varint_size(value) && out.size() <= static_cast<std::size_t>(p - start));
        std::uint64_t again = 0;
        const std::byte* q = wire::as_bytes(out).data();
        fuzz::require(wire::read_varint(q, q + out.size(), again) == wire::varint_status::ok && again == value);
        // A nested field of any length has its length in front.
        out.clear();
        {
            wire::appender appended(out);
            wire::protobuf_writer(appended).nested(
                field, [&] { appended.append(std::string(static_cast<std::size_t>(value % 20'000), 'x')); });
        }
        q = wire::as_bytes(out).data();
        const std::byte* const q_end = q + out.size();
        fuzz::require(wire::read_varint(q, q_end, again) == wire::varint_status::ok
                      && again == (std::uint64_t{field} << 3 | 2));
        fuzz::require(wire::read_varint(q, q_end, again) == wire::varint_status::ok && again == value % 20'000);
        fuzz::require(static_cast<std::uint64_t>(q_end - q) == again);
    }
    return 0;
}
