// What Databricks' parser of rows takes and refuses otherwise than Google's.
#pragma once

#include <google/protobuf/descriptor.h>
#include <string>
#include <string_view>

namespace emulator {

// The same row in a form that Google's parser reads as Databricks' does: integers that came as fixed32 or fixed64 are varints. Throws
// refusal for what Databricks' parser refuses and Google's may take: varints of more than 64 bits, groups, a field number 0, a row
// that ends within a field. Source: the crate feature `zeroparser` of Databricks' Zerobus SDK, run on such rows.
std::string as_google_reads_it(std::string_view row, const google::protobuf::Descriptor& type);

} // namespace emulator
