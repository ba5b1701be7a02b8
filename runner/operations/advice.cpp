#include "advice.hpp"

#include <sfcdc/error.hpp>
#include <sfcdc/pubsub/call_end.hpp>
#include <sfcdc/zerobus/status.hpp>

namespace sfcdc::runner {
namespace {

failure of_subscription(const delivery_failed& failed, const advised_pipeline& of) {
    const std::string said = describe(failed.why);
    if (failed.why.fault == call::fault::token_refused) return {exit_code::refused, of.login_refusal};
    if (failed.why.fault != call::fault::none)
        return {exit_code::failed, "The subscription to " + of.topic + " cannot go on (" + said + ")."};
    if (failed.why.budget_used_up) return session_refused(of.salesforce, said);
    return {exit_code::refused, "Salesforce ended the subscription to " + of.topic + " for good (" + said
                                    + "); check [[pipeline]] topic and the permissions of the run-as user."};
}

failure of_stream(const delivery_failed& failed, const advised_pipeline& of) {
    using wire::grpc_status;
    const std::string said = describe(failed.why);
    if (failed.why.fault == call::fault::token_refused) return {exit_code::refused, of.token_refusal};
    switch (failed.why.status) {
    case grpc_status::unauthenticated:
    case grpc_status::permission_denied:
        return {exit_code::refused, "Databricks refuses the table " + of.table + " (" + said + "); check "
                                        + of.databricks
                                        + " client_id and that the service principal has USE CATALOG, USE "
                                          "SCHEMA, SELECT and MODIFY granted on the table itself."};
    case grpc_status::not_found:
    case grpc_status::unimplemented:
    case grpc_status::out_of_range:
        return {exit_code::refused, "Databricks has no table " + of.table + " to stream into (" + said
                                        + "); check [[pipeline]] table and " + of.databricks + " zerobus_endpoint."};
    case grpc_status::invalid_argument:
        return {exit_code::refused,
                "Databricks refuses rows for the table " + of.table + " (" + said
                    + "); the table's columns must be those of [[pipeline]] layout. The position is kept in front "
                      "of these rows, so that they are tried again by the next run."};
    default: break;
    }
    return {exit_code::failed,
            "The stream into " + of.table + " cannot go on (" + said + "): " + std::string(failed.what_to_do) + "."};
}

} // namespace

std::string describe(wire::grpc_status status, std::string_view error_code, std::string_view message) {
    std::string text(zerobus::rule_of(status).name); // the names of gRPC
    if (!error_code.empty()) (text += ' ') += pubsub::without_prefix(error_code);
    if (!message.empty()) (text += ": ") += message;
    if (message.find("WRONG_VERSION_NUMBER") != message.npos)
        text += " (no TLS is spoken there; http:// in front of the endpoint means without)";
    return text;
}

std::string describe(const delivery_reason& why) {
    if (why.fault == call::fault::none) return describe(why.status, why.error_code, why.message);
    std::string text = message(why.fault);
    if (!why.message.empty()) (text += ": ") += why.message;
    return text;
}

failure topic_refused(const std::string& topic, const std::string& said) {
    return {
        exit_code::refused,
        "Salesforce does not give the topic " + topic + " (" + said
            + "); check [[pipeline]] topic, that Change Data Capture is on for the object, and that the run-as user "
              "may read it."};
}

failure session_refused(const std::string& section, const std::string& said) {
    return {exit_code::refused, "Salesforce accepts the login but not the session (" + said
                                    + "); check the IP restrictions of the user that " + section + " logs in as."};
}

failure advice(const delivery_failed& failed, const advised_pipeline& of) {
    switch (failed.fault) {
    case delivery_fault::subscription: return of_subscription(failed, of);
    case delivery_fault::stream: return of_stream(failed, of);
    case delivery_fault::position_unknown:
        return {exit_code::needs_decision, of.topic + ": Salesforce does not know the position " + of.position
                                               + " any more (" + describe(failed.why)
                                               + "): it is older than the retention of 72 hours, or the org was "
                                                 "moved or refreshed. Events in between are lost to "
                                                 "this stream, so it does not go on by itself. Run once with --from "
                                                 "earliest (all that Salesforce still has: "
                                                 "some rows may come twice) or --from latest (only what is new), and "
                                                 "re-read the records that changed meanwhile."};
    case delivery_fault::undecodable_events:
        return {
            exit_code::needs_decision,
            of.topic
                + ": more than a hundred events in a row cannot be made into rows, so it is not the events (the last "
                  "reason: "
                + failed.why.message
                + "). The position is kept in front of them. Check that the run-as user may read the schema and the "
                  "object, and that "
                  "this version of sfcdc knows it; the next run tries them again."};
    case delivery_fault::stopped_at_letter:
        return {exit_code::needs_decision,
                of.last_letter
                    + ". The position is kept in front of it (on_undecodable = \"stop\"). To pass over it, run with "
                      "on_undecodable = \"dead_letter\"."};
    case delivery_fault::mistake: break;
    }
    return {exit_code::failed, of.topic + ": " + describe(failed.why) + "."};
}

} // namespace sfcdc::runner
