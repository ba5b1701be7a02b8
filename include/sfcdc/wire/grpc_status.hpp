// How a gRPC call ended. Source: grpc.github.io, "Status codes and their use in gRPC".
#pragma once

#include <cstdint>

namespace sfcdc::wire {

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

} // namespace sfcdc::wire
