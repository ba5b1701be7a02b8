#include "counted_rows.hpp"

#include "row_decoder.hpp"

#include <algorithm>
#include <functional>
#include <google/protobuf/descriptor.pb.h>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

namespace emulator {
namespace {

[[noreturn]] void refuse_record() {
    throw refusal(grpc::INVALID_ARGUMENT, "record cannot be read as a protobuf message");
}

// Takes what it returns from the front of `left`.
std::uint64_t take_varint(std::string_view& left) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !left.empty(); shift += 7) {
        const auto byte = static_cast<unsigned char>(left.front());
        left.remove_prefix(1);
        value |= std::uint64_t{byte & 0x7fu} << shift;
        if (byte < 0x80) return value;
    }
    refuse_record();
}

std::string_view take_bytes(std::string_view& left, std::uint64_t count) {
    if (count > left.size()) refuse_record();
    const std::string_view taken = left.substr(0, static_cast<std::size_t>(count));
    left.remove_prefix(taken.size());
    return taken;
}

// libstdc++ hashes text without a seed of the process, so that two runs of one emulator can be compared.
void add_to(std::uint64_t& checksum, std::string_view bytes) {
    checksum = (checksum ^ std::hash<std::string_view>{}(bytes)) * 0x9e3779b97f4a7c15;
}

} // namespace

row_counter::row_counter(const std::string& descriptor_proto, const std::vector<std::string>& without) {
    google::protobuf::DescriptorProto message;
    message.ParseFromString(descriptor_proto);
    for (const auto& field : message.field()) {
        const auto number = static_cast<std::uint32_t>(field.number());
        if (field.name() == "replay_id" || field.name() == "_sf_replay_id") replay_id_ = number;
        if (field.name() == "record_ordinal" || field.name() == "_sf_record_ordinal") record_ordinal_ = number;
        if (std::find(without.begin(), without.end(), field.name()) != without.end()) without_.push_back(number);
    }
}

counted_row row_counter::count(std::string_view record) const {
    counted_row row;
    row.bytes = record.size();
    std::string_view left = record;
    while (!left.empty()) {
        const std::string_view from_here = left;
        const std::uint64_t tag = take_varint(left);
        const auto number = static_cast<std::uint32_t>(tag >> 3);
        std::uint64_t integer = 0;
        std::string_view text;
        switch (tag & 7) {
        case 0: integer = take_varint(left); break;
        case 1: take_bytes(left, 8); break;
        case 2: text = take_bytes(left, take_varint(left)); break;
        case 5: take_bytes(left, 4); break;
        default: refuse_record();
        }
        if (number == replay_id_) row.replay_id = text;
        if (number == record_ordinal_) row.record_ordinal = integer;
        if (std::find(without_.begin(), without_.end(), number) == without_.end())
            add_to(row.checksum, from_here.substr(0, from_here.size() - left.size()));
    }
    return row;
}

std::size_t counted_rows::append(const std::string& table, std::vector<counted_row> rows) {
    std::lock_guard lock(mutex_);
    auto& all = tables_[table];
    const std::size_t first = all.size();
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
    return first;
}

void counted_rows::acknowledge(const std::string& table, std::size_t first, std::size_t count) {
    const auto now = std::chrono::steady_clock::now();
    std::lock_guard lock(mutex_);
    auto& all = tables_.at(table);
    for (std::size_t i = first; i < first + count; ++i) all.at(i).acknowledged = now;
}

std::size_t counted_rows::count() const {
    std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [table, rows] : tables_) sum += rows.size();
    return sum;
}

std::size_t counted_rows::count(const std::string& table) const {
    std::lock_guard lock(mutex_);
    const auto found = tables_.find(table);
    return found == tables_.end() ? 0 : found->second.size();
}

std::string counted_rows::lines(const std::string& table, std::size_t& from, std::size_t limit) const {
    std::lock_guard lock(mutex_);
    std::string text;
    const auto found = tables_.find(table);
    if (found == tables_.end()) return text;
    for (const std::size_t end = std::min(found->second.size(), from + limit); from < end; ++from) {
        const counted_row& row = found->second[from];
        auto line = nlohmann::json::array({row.replay_id, row.record_ordinal, row.checksum, row.bytes, nullptr});
        if (row.acknowledged != std::chrono::steady_clock::time_point{}) line[4] = microseconds(row.acknowledged);
        text += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    }
    return text;
}

std::int64_t microseconds(std::chrono::steady_clock::time_point at) {
    return std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
}

} // namespace emulator
