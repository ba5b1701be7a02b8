#include "wire_rules.hpp"

#include "row_decoder.hpp"

#include <cstdint>

namespace emulator {
namespace {

namespace pb = google::protobuf;

constexpr int deepest_message = 100;

[[noreturn]] void refuse(const char* because) { throw refusal(grpc::INVALID_ARGUMENT, because); }

std::uint64_t take_varint(std::string_view& from) {
    std::uint64_t value = 0;
    for (int i = 0; i < 10; ++i) {
        if (from.empty()) refuse("record ends within a varint");
        const auto byte = static_cast<unsigned char>(from.front());
        from.remove_prefix(1);
        if (i == 9 && byte > 1) break;
        value |= std::uint64_t{byte & 0x7fu} << (7 * i);
        if (byte < 0x80) return value;
    }
    refuse("record has a varint of more than 64 bits");
}

std::string_view take(std::string_view& from, std::uint64_t count) {
    if (count > from.size()) refuse("record ends within a field");
    const std::string_view taken = from.substr(0, static_cast<std::size_t>(count));
    from.remove_prefix(taken.size());
    return taken;
}

std::uint64_t little_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        value |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
    return bytes.size() == 4 ? static_cast<std::uint64_t>(static_cast<std::int32_t>(value)) : value;
}

void put_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
}

bool is_integer(const pb::FieldDescriptor* field) {
    if (!field) return false;
    switch (field->type()) {
    case pb::FieldDescriptor::TYPE_INT32:
    case pb::FieldDescriptor::TYPE_INT64:
    case pb::FieldDescriptor::TYPE_UINT32:
    case pb::FieldDescriptor::TYPE_UINT64: return true;
    default: return false;
    }
}

std::string rewritten(std::string_view row, const pb::Descriptor& type, int depth) {
    if (depth > deepest_message) refuse("record nests too deeply");
    std::string out;
    out.reserve(row.size());
    while (!row.empty()) {
        const std::uint64_t tag = take_varint(row);
        if (tag >> 3 == 0 || tag >> 3 > 0x1fff'ffff) refuse("record has a field number that does not exist");
        const pb::FieldDescriptor* const field = type.FindFieldByNumber(static_cast<int>(tag >> 3));
        switch (tag & 7) {
        case 0:
            put_varint(out, tag);
            put_varint(out, take_varint(row));
            break;
        case 1:
        case 5: {
            const std::string_view bytes = take(row, (tag & 7) == 1 ? 8 : 4);
            put_varint(out, is_integer(field) ? tag & ~std::uint64_t{7} : tag);
            if (is_integer(field))
                put_varint(out, little_endian(bytes));
            else
                out += bytes;
            break;
        }
        case 2: {
            const std::string_view bytes = take(row, take_varint(row));
            put_varint(out, tag);
            const bool message = field && field->type() == pb::FieldDescriptor::TYPE_MESSAGE;
            const std::string inner =
                message ? rewritten(bytes, *field->message_type(), depth + 1) : std::string(bytes);
            put_varint(out, inner.size());
            out += inner;
            break;
        }
        default: refuse("record has a group or a wire type that does not exist");
        }
    }
    return out;
}

} // namespace

std::string as_google_reads_it(std::string_view row, const pb::Descriptor& type) { return rewritten(row, type, 1); }

} // namespace emulator
