#include "table_contract.hpp"

#include <algorithm>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>
#include <map>
#include <strings.h>

namespace emulator {
namespace {

namespace pb = google::protobuf;

void add_text(pb::UnknownFieldSet& message, int number, const std::string& text) {
    *message.AddLengthDelimited(number) = text;
}

std::string bytes_of(const pb::UnknownFieldSet& message) {
    std::string bytes;
    message.SerializeToString(&bytes);
    return bytes;
}

// A google.rpc.Status with a google.rpc.ErrorInfo, as it stands in grpc-status-details-bin.
std::string details(const std::string& cause, const std::string& because) {
    pb::UnknownFieldSet info, any, status;
    add_text(info, 1, "SCHEMA_VALIDATION_FAILED");
    add_text(info, 2, "zerobus.databricks.com");
    for (const auto& [key, value] : std::map<std::string, std::string>{{"causes", cause}, {"error_code", "8001"}}) {
        pb::UnknownFieldSet entry;
        add_text(entry, 1, key);
        add_text(entry, 2, value);
        add_text(info, 3, bytes_of(entry));
    }
    add_text(any, 1, "type.googleapis.com/google.rpc.ErrorInfo");
    add_text(any, 2, bytes_of(info));
    status.AddVarint(1, grpc::INVALID_ARGUMENT);
    add_text(status, 2, because);
    add_text(status, 3, bytes_of(any));
    return bytes_of(status);
}

[[noreturn]] void refuse(const std::string& cause, const std::string& column) {
    const std::string because = cause + ": " + column + ". Error Code: 8001";
    throw refusal(grpc::INVALID_ARGUMENT, because, details(cause, because));
}

bool same(const std::string& a, const std::string& b) { return strcasecmp(a.c_str(), b.c_str()) == 0; }

// The protobuf type that a column of this type takes.
pb::FieldDescriptor::Type field_type_of(const std::string& type) {
    using field = pb::FieldDescriptor;
    static const std::map<std::string, field::Type> types{
        {"int", field::TYPE_INT32},           {"smallint", field::TYPE_INT32}, {"tinyint", field::TYPE_INT32},
        {"date", field::TYPE_INT32},          {"bigint", field::TYPE_INT64},   {"timestamp", field::TYPE_INT64},
        {"timestamp_ntz", field::TYPE_INT64}, {"float", field::TYPE_FLOAT},    {"double", field::TYPE_DOUBLE},
        {"boolean", field::TYPE_BOOL},        {"binary", field::TYPE_BYTES}};
    const auto found = types.find(type);
    return found == types.end() ? field::TYPE_STRING : found->second; // string, decimal, variant
}

bool fits(const pb::FieldDescriptor& field, const std::string& type) {
    const bool array = type.starts_with("array<");
    const std::string item = array ? type.substr(6, type.size() - 7) : type;
    return field.is_repeated() == array && field.type() == field_type_of(item);
}

} // namespace

table_contract::table_contract(const delta_table& table, const row_decoder& rows) : table_(table) {
    for (const delta_column& one : table_.columns)
        if (!one.nullable) required_.push_back(one.name);
    check_columns(rows.columns(), 0);
    const pb::Descriptor* const type = rows.descriptor();
    if (!type) return;
    for (int i = 0; i < type->field_count(); ++i)
        if (!fits(*type->field(i), table_.find(type->field(i)->name())->type))
            refuse("TYPE_INCOMPATIBLE", type->field(i)->name());
    for (const std::string& name : required_)
        if (std::none_of(rows.columns().begin(), rows.columns().end(),
                         [&](const column& one) { return same(one.name, name); }))
            refuse("MISSING_REQUIRED_COLUMN", name);
}

void table_contract::check_columns(const std::vector<column>& columns, std::size_t from) const {
    for (std::size_t i = from; i < columns.size(); ++i)
        if (!table_.find(columns[i].name)) refuse("FIELD_NOT_IN_TABLE", columns[i].name);
}

void table_contract::check_row(const std::vector<column>& columns, const std::vector<cell>& cells) const {
    for (const std::string& name : required_) {
        bool there = false;
        for (std::size_t i = 0; i < cells.size(); ++i)
            there |= same(columns[i].name, name) && !std::holds_alternative<std::monostate>(cells[i]);
        if (!there) refuse("MISSING_REQUIRED_COLUMN", name);
    }
}

} // namespace emulator
