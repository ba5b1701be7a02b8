// What the end of a call means for a stream of rows, by its gRPC status code. Databricks says that the message of a status
// must not be read by programs, so that the code is all there is.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include <sfcdc/call/remedy.hpp>
#include <sfcdc/wire/grpc_status.hpp>

namespace sfcdc::inline v0::zerobus {

using call::remedy;

// What follows from a status, before the stream is created and afterwards.
struct status_rule {
    std::string_view name;
    call::remedy opening;        // the call ended before the stream was created
    call::remedy streaming;      // or afterwards; find_row without a row in flight is stop
    std::string_view what_to_do; // when it comes to `failed`
};

namespace detail {
inline constexpr std::string_view wait_for_service =
    "the service did not come back: look at its status, and at the network in between";
inline constexpr std::string_view look_at_grants =
    "grant USE CATALOG, USE SCHEMA, SELECT and MODIFY on the table itself (inherited grants do not count)";
} // namespace detail

// In the order of wire::grpc_status; a code that is not there counts as UNKNOWN, as gRPC has it. The codes that are not retried are
// those of Databricks' clients.
inline constexpr std::array<status_rule, 17> status_rules{{
    {"OK", remedy::retry, remedy::retry, detail::wait_for_service}, // requests in flight are not acknowledged by it
    {"CANCELLED", remedy::retry, remedy::retry, detail::wait_for_service},
    {"UNKNOWN", remedy::retry, remedy::retry, detail::wait_for_service},
    {"INVALID_ARGUMENT", remedy::stop, remedy::find_row,
     "compare the columns and types of the rows with the table's"},
    {"DEADLINE_EXCEEDED", remedy::retry, remedy::retry, detail::wait_for_service},
    {"NOT_FOUND", remedy::stop, remedy::stop, "create the table, or correct its name or the endpoint"},
    {"ALREADY_EXISTS", remedy::retry, remedy::retry, detail::wait_for_service},
    {"PERMISSION_DENIED", remedy::renew_token, remedy::renew_token, detail::look_at_grants},
    {"RESOURCE_EXHAUSTED", remedy::retry, remedy::retry,
     "the workspace's quota is used up: write less, or ask for more"},
    {"FAILED_PRECONDITION", remedy::retry, remedy::retry, detail::wait_for_service},
    {"ABORTED", remedy::retry, remedy::retry, detail::wait_for_service},
    {"OUT_OF_RANGE", remedy::stop, remedy::stop, "the server will not take this; its message says why"},
    {"UNIMPLEMENTED", remedy::stop, remedy::stop,
     "the endpoint does not offer Zerobus: correct it, or enable Zerobus"},
    {"INTERNAL", remedy::retry, remedy::retry, detail::wait_for_service},
    {"UNAVAILABLE", remedy::retry, remedy::retry, detail::wait_for_service},
    {"DATA_LOSS", remedy::retry, remedy::retry, detail::wait_for_service},
    {"UNAUTHENTICATED", remedy::renew_token, remedy::renew_token, "correct the client id and secret"},
}};

// Returns the rule of a status; a number that is no status counts as unknown.
constexpr const status_rule& rule_of(wire::grpc_status status) noexcept {
    const auto i = static_cast<std::size_t>(status);
    return status_rules[i < status_rules.size() ? i : static_cast<std::size_t>(wire::grpc_status::unknown)];
}

} // namespace sfcdc::inline v0::zerobus
