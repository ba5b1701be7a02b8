#include "refusal.hpp"

#include "../operations/log.hpp"
#include "answers.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace sfcdc::runner::databricks {
namespace {

struct entry {
    std::string_view word;
    refusal_class what;
};

std::optional<refusal_class> find(std::span<const entry> table, std::string_view word) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const entry& e) { return e.word == word; });
    return found == table.end() ? std::nullopt : std::optional(found->what);
}

using is = refusal_class;

// Error classes of SQL, without the part behind a dot. FIELD_ALREADY_EXISTS is what Spark calls FIELDS_ALREADY_EXISTS since 4.0.
constexpr std::array<entry, 23> conditions{{
    {"TABLE_OR_VIEW_NOT_FOUND", is::not_found},
    {"SCHEMA_NOT_FOUND", is::not_found},
    {"CATALOG_NOT_FOUND", is::not_found},
    {"NO_SUCH_CATALOG_EXCEPTION", is::not_found},
    {"INSUFFICIENT_PERMISSIONS", is::no_privilege},
    {"INSUFFICIENT_PRIVILEGES", is::no_privilege},
    {"PERMISSION_DENIED", is::no_privilege},
    {"TABLE_OR_VIEW_ALREADY_EXISTS", is::conflict},
    {"FIELD_ALREADY_EXISTS", is::conflict},
    {"FIELDS_ALREADY_EXISTS", is::conflict},
    {"COLUMN_ALREADY_EXISTS", is::conflict},
    {"DELTA_METADATA_CHANGED", is::conflict},
    {"DELTA_PROTOCOL_CHANGED", is::conflict},
    {"DELTA_CONCURRENT_APPEND", is::conflict},
    {"DELTA_CONCURRENT_WRITE", is::conflict},
    {"DELTA_CONCURRENT_TRANSACTION", is::conflict},
    {"UNRESOLVED_COLUMN", is::invalid},
    {"PARSE_SYNTAX_ERROR", is::invalid},
    {"DELTA_CANNOT_CHANGE_DATA_TYPE", is::invalid},
    // This has the SQLSTATE of a column that exists, but reading the table again helps nobody.
    {"DELTA_TABLE_ALREADY_CONTAINS_CDC_COLUMNS", is::invalid},
    {"RESERVED_CDC_COLUMNS_ON_WRITE", is::invalid},
    {"DELTA_DUPLICATE_COLUMNS_FOUND", is::invalid},
    {"OPERATION_CANCELED", is::cancelled},
}};

constexpr std::array<entry, 9> sql_states{{
    {"42P01", is::not_found},
    {"42704", is::not_found},
    {"42P08", is::not_found},
    {"42501", is::no_privilege},
    {"42P07", is::conflict},
    {"42710", is::conflict},
    {"42711", is::conflict},
    {"2D521", is::conflict},
    {"HY008", is::cancelled},
}};

constexpr std::array<entry, 26> error_codes{{
    {"NOT_FOUND", is::not_found},
    {"RESOURCE_DOES_NOT_EXIST", is::not_found},
    {"TABLE_DOES_NOT_EXIST", is::not_found},
    {"SCHEMA_DOES_NOT_EXIST", is::not_found},
    {"CATALOG_DOES_NOT_EXIST", is::not_found},
    {"PERMISSION_DENIED", is::no_privilege},
    {"UNAUTHENTICATED", is::no_privilege},
    {"ABORTED", is::conflict},
    {"ALREADY_EXISTS", is::conflict},
    {"RESOURCE_ALREADY_EXISTS", is::conflict},
    {"RESOURCE_CONFLICT", is::conflict},
    {"REQUEST_LIMIT_EXCEEDED", is::throttled},
    {"RESOURCE_EXHAUSTED", is::throttled},
    {"DEADLINE_EXCEEDED", is::unavailable},
    {"IO_ERROR", is::unavailable},
    {"SERVICE_UNDER_MAINTENANCE", is::unavailable},
    {"TEMPORARILY_UNAVAILABLE", is::unavailable},
    {"WORKSPACE_TEMPORARILY_UNAVAILABLE", is::unavailable},
    {"BAD_REQUEST", is::invalid},
    {"INVALID_PARAMETER_VALUE", is::invalid},
    {"MALFORMED_REQUEST", is::invalid},
    {"INVALID_STATE", is::invalid},
    {"CANCELLED", is::cancelled},
    {"INTERNAL_ERROR", is::other},
    {"NOT_IMPLEMENTED", is::other},
    {"UNKNOWN", is::other},
}};

refusal_class class_of_status(long status) {
    switch (status) {
    case 400: return is::invalid;
    case 401:
    case 403: return is::no_privilege;
    case 404: return is::not_found;
    case 409: return is::conflict;
    case 429: return is::throttled;
    case 499: return is::cancelled;
    case 501: return is::other;
    default: return status >= 500 ? is::unavailable : is::other;
    }
}

bool is_code(std::string_view text) {
    return !text.empty() && text.size() <= 100 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    });
}

// "[DELTA_CONCURRENT_APPEND.WHOLE_TABLE_READ] ..." is DELTA_CONCURRENT_APPEND.WHOLE_TABLE_READ.
std::string_view condition_of(std::string_view message) {
    if (!message.starts_with('[')) return {};
    const std::string_view inside = message.substr(1, message.find(']') == message.npos ? 0 : message.find(']') - 1);
    std::string_view rest = inside;
    for (;;) {
        const std::size_t dot = rest.find('.');
        if (!is_code(rest.substr(0, dot))) return {};
        if (dot == rest.npos) return inside;
        rest.remove_prefix(dot + 1);
    }
}

} // namespace

std::optional<refusal> refusal_of_request(long status, std::string_view body) {
    refusal out;
    std::string said;
    if (const auto answer = read_object(body)) {
        std::string bad;
        const members m(*answer, "", bad);
        // In front of the services a gateway answers for them, whose code is the status as a number.
        const auto code = answer->find("error_code");
        out.condition = code != answer->end() && code->is_number_integer() ? code->dump() : m.text("error_code");
        said = m.text("message");
    } else if (const std::size_t colon = body.find(": ");
               colon != body.npos && find(error_codes, body.substr(0, colon))) { // "ERROR: ..." is a proxy's page
        out.condition = body.substr(0, colon);
        said = body.substr(colon + 2);
    }
    if (!is_code(out.condition)) return std::nullopt;
    out.what = find(error_codes, out.condition).value_or(class_of_status(status));
    out.message = log::one_line("HTTP " + std::to_string(status) + ", " + out.condition + ": " + said);
    return out;
}

refusal refusal_of_statement(std::string_view error_code, std::string_view sql_state, std::string_view message) {
    const std::string_view condition = condition_of(message);
    std::optional<refusal_class> what = find(conditions, condition.substr(0, condition.find('.')));
    if (!what) what = find(sql_states, sql_state);
    if (!what && sql_state.starts_with("42")) what = is::invalid; // syntax error or access rule violation
    if (!what) what = find(error_codes, error_code);
    refusal out;
    out.what = what.value_or(is::other);
    out.condition = condition.empty() && is_code(error_code) ? error_code : condition;
    if (is_code(sql_state)) out.sql_state = sql_state;
    out.message = log::one_line(message);
    return out;
}

} // namespace sfcdc::runner::databricks
