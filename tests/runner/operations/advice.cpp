#include "operations/advice.hpp"

#include "catch.hpp"

#include <string>

namespace {

using sfcdc::delivery_failed;
using sfcdc::delivery_fault;
using sfcdc::delivery_reason;
using sfcdc::runner::advice;
using sfcdc::runner::advised_pipeline;
using sfcdc::runner::describe;
using sfcdc::runner::exit_code;
using sfcdc::runner::failure;
using sfcdc::wire::grpc_status;

const advised_pipeline named{.topic = "/data/TopicChangeEvent",
                             .table = "a.b.table",
                             .salesforce = "[salesforce.emea]",
                             .databricks = "[databricks.west]",
                             .position = "00ff",
                             .login_refusal = "the login says no",
                             .token_refusal = "the token says no",
                             .last_letter = "event 7 is bad"};

delivery_failed fault(delivery_fault what, grpc_status status = grpc_status::ok,
                      const std::string& message = "words") {
    delivery_failed f{what, {}};
    f.why.status = status;
    f.why.message = message;
    return f;
}
bool has(const failure& f, const char* text) { return std::string(f.what()).find(text) != std::string::npos; }

} // namespace

TEST_CASE("the end of a call is its status, its code without the prefix, and its words") {
    CHECK(describe(grpc_status::resource_exhausted, "sfdc.platform.eventbus.grpc.subscription.limit.exceeded",
                   "no more today")
          == "RESOURCE_EXHAUSTED subscription.limit.exceeded: no more today");
    CHECK(describe(grpc_status::internal, {}, {}) == "INTERNAL");
    delivery_reason noticed;
    noticed.fault = sfcdc::call::fault::token_refused;
    CHECK(describe(noticed).find("OK") == std::string::npos);
}

TEST_CASE("each end of a delivery has an exit code, and names what is to be changed") {
    failure f = advice(fault(delivery_fault::subscription, grpc_status::permission_denied), named);
    CHECK(f.code() == exit_code::refused);
    CHECK(has(f, "/data/TopicChangeEvent"));
    CHECK(has(f, "words"));

    delivery_failed used_up = fault(delivery_fault::subscription, grpc_status::unauthenticated);
    used_up.why.budget_used_up = true;
    f = advice(used_up, named);
    CHECK(f.code() == exit_code::refused);
    CHECK(has(f, "the user that [salesforce.emea] logs in as"));

    for (const grpc_status status :
         {grpc_status::permission_denied, grpc_status::not_found, grpc_status::invalid_argument}) {
        delivery_failed of_stream = fault(delivery_fault::stream, status);
        of_stream.why.outlet = 0;
        f = advice(of_stream, named);
        CHECK(f.code() == exit_code::refused);
        CHECK(has(f, "a.b.table"));
        CHECK(has(f, "[databricks.west]") == (status != grpc_status::invalid_argument)); // that one is the table's
    }
    delivery_failed broken = fault(delivery_fault::stream, grpc_status::unavailable);
    broken.what_to_do = "look at the service";
    CHECK(advice(broken, named).code() == exit_code::failed);
    CHECK(has(advice(broken, named), "look at the service"));

    f = advice(fault(delivery_fault::position_unknown), named);
    CHECK(f.code() == exit_code::needs_decision);
    CHECK(has(f, "00ff"));
    CHECK(has(f, "--from earliest"));

    f = advice(fault(delivery_fault::undecodable_events), named);
    CHECK(f.code() == exit_code::needs_decision);
    CHECK(has(f, "words"));

    f = advice(fault(delivery_fault::stopped_at_letter), named);
    CHECK(f.code() == exit_code::needs_decision);
    CHECK(has(f, "event 7 is bad"));

    CHECK(advice(fault(delivery_fault::mistake), named).code() == exit_code::failed);
}

TEST_CASE("a refused login or token is told in the words of the service that refused it") {
    delivery_failed login = fault(delivery_fault::subscription);
    login.why.fault = sfcdc::call::fault::token_refused;
    CHECK(std::string(advice(login, named).what()) == "the login says no");
    delivery_failed token = fault(delivery_fault::stream);
    token.why.fault = sfcdc::call::fault::token_refused;
    token.why.outlet = 0;
    CHECK(std::string(advice(token, named).what()) == "the token says no");
}
