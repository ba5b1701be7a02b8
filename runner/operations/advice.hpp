// What the end of a delivery means for the operator: a sentence with the remedy, and the exit code. The only place that knows both.
#pragma once

#include "failure.hpp"

#include <sfcdc/delivery_io.hpp>

#include <string>
#include <string_view>

namespace sfcdc::runner {

// How a call has ended, for the log: "INTERNAL service.unavailable: message". The code may have its prefix.
std::string describe(wire::grpc_status status, std::string_view error_code, std::string_view message);
// The same, or what a machine has noticed by itself.
std::string describe(const delivery_reason& why);

// What a sentence names.
struct advised_pipeline {
    std::string topic, table;
    std::string salesforce, databricks; // the sections of the configuration
    std::string position;               // as hexadecimal digits
    std::string login_refusal, token_refusal, last_letter;
};
failure advice(const delivery_failed& failed, const advised_pipeline& of);

// Salesforce does not give a topic. `said` is describe() of its answer.
failure topic_refused(const std::string& topic, const std::string& said);
// Salesforce gives sessions and accepts none. `section` is that of the login, "[salesforce]".
failure session_refused(const std::string& section, const std::string& said);

} // namespace sfcdc::runner
