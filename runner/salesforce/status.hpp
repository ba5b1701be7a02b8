// What to do when a Pub/Sub call ends. The gRPC status is not enough: Salesforce says what happened in the trailer
// "error-code" (a busy service comes as INTERNAL, an expired position as INVALID_ARGUMENT).
// Source: Pub/Sub API guide, "Error Codes" and "Retry RPC Calls".
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <string>

namespace sfcdc::runner::salesforce {

enum class remedy : std::uint8_t {
    retry,           // here, after a wait
    renew_login,     // and then retry
    slow_down,       // retry after a long wait
    wait_hours,      // the 24-hour allocation is used up
    choose_position, // the position is unknown to Salesforce: only the operator can say how to go on
    stop,            // asking again gives the same answer
};

struct call_end {
    remedy what = remedy::retry;
    std::string code; // the trailer without "sfdc.platform.eventbus.grpc."; empty when there was none
    std::string text; // for the log: status, code, rpc id, message
};

// To be called after Finish(); a clean end of a stream is `retry`.
call_end judge(const grpc::Status& status, const grpc::ClientContext& context);

} // namespace sfcdc::runner::salesforce
