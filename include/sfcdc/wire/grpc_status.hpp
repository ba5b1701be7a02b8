// How a gRPC call ended. Source: grpc.github.io, "Status codes and their use in gRPC".
#pragma once

#include <cstdint>
#include <string_view>

namespace sfcdc::inline v0::wire {

// Values as on the wire (trailer grpc-status) and in every gRPC library; others are possible there and mean `unknown`.
enum class grpc_status : std::uint8_t {
    ok = 0,
    cancelled = 1,
    unknown = 2,
    invalid_argument = 3,
    deadline_exceeded = 4,
    not_found = 5,
    already_exists = 6,
    permission_denied = 7,
    resource_exhausted = 8,
    failed_precondition = 9,
    aborted = 10,
    out_of_range = 11,
    unimplemented = 12,
    internal = 13,
    unavailable = 14,
    data_loss = 15,
    unauthenticated = 16,
};

// Returns the name of a code as gRPC spells it ("INVALID_ARGUMENT"); "UNKNOWN" for a number that names none, as gRPC reads it.
constexpr std::string_view to_string(grpc_status status) noexcept {
    switch (status) {
    case grpc_status::ok: return "OK";
    case grpc_status::cancelled: return "CANCELLED";
    case grpc_status::unknown: return "UNKNOWN";
    case grpc_status::invalid_argument: return "INVALID_ARGUMENT";
    case grpc_status::deadline_exceeded: return "DEADLINE_EXCEEDED";
    case grpc_status::not_found: return "NOT_FOUND";
    case grpc_status::already_exists: return "ALREADY_EXISTS";
    case grpc_status::permission_denied: return "PERMISSION_DENIED";
    case grpc_status::resource_exhausted: return "RESOURCE_EXHAUSTED";
    case grpc_status::failed_precondition: return "FAILED_PRECONDITION";
    case grpc_status::aborted: return "ABORTED";
    case grpc_status::out_of_range: return "OUT_OF_RANGE";
    case grpc_status::unimplemented: return "UNIMPLEMENTED";
    case grpc_status::internal: return "INTERNAL";
    case grpc_status::unavailable: return "UNAVAILABLE";
    case grpc_status::data_loss: return "DATA_LOSS";
    case grpc_status::unauthenticated: return "UNAUTHENTICATED";
    }
    return "UNKNOWN";
}

} // namespace sfcdc::inline v0::wire
