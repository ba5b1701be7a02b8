// A row for Zerobus as an object that people can read, and back: what a dead letter shows of a refused row, and what a retry sends.
#pragma once

#include <sfcdc/row/layout.hpp>

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::runner {

// Values by the names of their columns, of a message that row::append_protobuf() has made with this layout. Null columns are absent, bytes
// are base64, dates "2026-11-28", timestamps microseconds since 1970 in UTC. Null where the message is none of this layout.
nlohmann::ordered_json columns_of_row(const row::layout& l, std::string_view message);

// Appends the message that this layout's descriptor describes. Names of columns that the layout lacks, and of values that do not fit the
// type of the column, are appended to `left_out`.
void append_row(const row::layout& l, const nlohmann::ordered_json& columns, std::string& message,
                std::vector<std::string>& left_out);

} // namespace sfcdc::runner
