// Why a workspace does not do what it was asked for: refused requests of its REST API, and SQL statements that failed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sfcdc::runner::databricks {

enum class refusal_class : std::uint8_t {
    not_found,    // there is no such table, schema or catalog, or the principal may not know of it
    no_privilege, // the principal lacks a grant, or the workspace does not accept its token
    conflict,     // somebody else made or changed the same thing first: who reads the table again may find all done
    throttled, // there are too many requests: those over HTTP were waited for, a statement that failed with it was not
    unavailable, // there was no answer, or no warehouse, in time
    invalid,     // the request or the statement itself is wrong
    cancelled,   // somebody cancelled the statement
    other,
};

// Returns the name of the enumerator; "unknown" for a number that names none.
constexpr std::string_view to_string(refusal_class value) noexcept {
    switch (value) {
    case refusal_class::not_found: return "not_found";
    case refusal_class::no_privilege: return "no_privilege";
    case refusal_class::conflict: return "conflict";
    case refusal_class::throttled: return "throttled";
    case refusal_class::unavailable: return "unavailable";
    case refusal_class::invalid: return "invalid";
    case refusal_class::cancelled: return "cancelled";
    case refusal_class::other: return "other";
    }
    return "unknown";
}

struct refusal {
    refusal_class what = refusal_class::other;
    std::string
        condition; // as the service names it: the error class of SQL ("TABLE_OR_VIEW_NOT_FOUND"), else the error code
    std::string sql_state; // "42P01"; empty where the service says none
    std::string message;   // one line for the log, without secrets
};

// A value, or why there is none; then the value is empty.
template<class T> struct outcome {
    T value{};
    std::optional<refusal> refused{};
};

// Reads the body of an answer that is no success (`status` is its HTTP status): a JSON object with error_code and message, or the
// text "CODE: message". Nothing for any other body, such as a page of a proxy, which says nothing of the request.
// Source: Databricks REST API, "Errors"; the parsers of Databricks' SDK for Python.
std::optional<refusal> refusal_of_request(long status, std::string_view body);

// Of a statement whose state is FAILED, by what its status says. The error class in the message decides where it is known, then the
// SQLSTATE, then the error code. Source: Databricks SQL, "Error conditions"; Statement Execution API.
refusal refusal_of_statement(std::string_view error_code, std::string_view sql_state, std::string_view message);

} // namespace sfcdc::runner::databricks
