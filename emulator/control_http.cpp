#include "control_http.hpp"

#include "http_server.hpp"
#include "identifiers.hpp"
#include "salesforce_http.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace emulator {
namespace {

using nlohmann::json;

// By name: the position in hexadecimal digits, null before the first commit, and whether a client is connected.
json managed_status(world& in) {
    json all = json::object();
    for (const managed_subscription& one : in.managed.all()) {
        const auto committed = one.committed();
        all[one.name()] = {{"committed", committed ? json(lower_hex(*committed)) : json()}, {"active", one.active()}};
    }
    return all;
}

json status(world& in) {
    return {
        {"published", in.salesforce.published()},
        {"subscribers", in.subscribers.count()},
        {"subscribe_calls", in.count.subscribe_calls.load()},
        {"delivered", in.count.delivered.load()},
        {"get_schema_calls", in.count.get_schema_calls.load()},
        {"get_topic_calls", in.count.get_topic_calls.load()},
        {"logins", in.count.logins.load()},
        {"tokens", {{"salesforce", in.salesforce_tokens.issued()}, {"databricks", in.databricks_tokens.issued()}}},
        {"managed", managed_status(in)},
        {"streams", in.ingest_streams.count()},
        {"streams_opened", in.count.streams_opened.load()},
        {"ingest_requests", in.count.ingest_requests.load()},
        {"acks_sent", in.count.acks_sent.load()},
        {"rows", in.tables.rows_written() + in.counted.count()},
        {"rows_acknowledged", in.count.rows_acknowledged.load()}};
}

managed_subscription& managed_named(const json& command, world& in) {
    const auto name = command.at("name").get<std::string>();
    managed_subscription* const found = in.managed.find_name(name);
    if (!found) throw std::invalid_argument("There is no managed subscription called \"" + name + "\".");
    return *found;
}

// Faults of the org itself are carried out here. Besides those that faults.hpp lists there are:
//
//   op                            members     what happens
//   revoke_token                  token,      a token of Salesforce is not valid any more, others are; also ends subscriptions, with
//                                 end_streams (true)  service.auth.error
//   drop_table                    table       the same as DROP TABLE: its rows are gone, and streams into it end with NOT_FOUND
//   stop_managed_subscription     name        its call ends with managed.subscription.config.stopped, and so do new ones
//   delete_managed_subscription   name        the same with managed.subscription.config.deleted
//   hold_managed_subscription     name, ms    new calls end with managed.subscription.already.active for so long, as if
//                                             the network had lost a client without closing its connection
void fault(const json& command, world& in) {
    const std::string op = command.is_object() ? command.value("op", "") : "";
    if (op == "expire_salesforce_tokens") {
        in.salesforce_tokens.expire_all();
        // A revoked session ends the streams that it opened, unless the test wants to see only the next call fail.
        if (command.value("end_streams", true)) in.fault.interrupt_subscribers("service.auth.error");
    } else if (op == "revoke_token") {
        if (!in.salesforce_tokens.revoke(command.at("token").get<std::string>()))
            throw std::invalid_argument("There is no such token.");
        if (command.value("end_streams", true)) in.fault.interrupt_subscribers("service.auth.error");
    } else if (op == "expire_databricks_tokens") {
        in.databricks_tokens.expire_all();
    } else if (op == "expire_retention") {
        in.salesforce.expire_everything();
    } else if (op == "drop_table") {
        const auto name = command.at("table").get<std::string>();
        if (!in.unity_catalog.drop(name)) throw std::invalid_argument("There is no table \"" + name + "\".");
    } else if (op == "stop_managed_subscription" || op == "delete_managed_subscription") {
        managed_named(command, in)
            .end_with(op == "stop_managed_subscription" ? "managed.subscription.config.stopped"
                                                        : "managed.subscription.config.deleted");
        in.subscribers.ring();
    } else if (op == "hold_managed_subscription") {
        managed_named(command, in).hold(std::chrono::milliseconds(command.at("ms").get<std::int64_t>()));
    } else {
        if (op == "clear") {
            for (managed_subscription& one : in.managed.all()) {
                one.end_with({});
                one.hold(std::chrono::milliseconds(0));
            }
        }
        in.fault.apply(command);
    }
}

// Runs what a client asked for; what it got wrong becomes a 400 with a sentence.
template<typename action> void attempt(httplib::Response& response, action run) {
    try {
        run();
    } catch (const json::exception& e) {
        answer(response, 400, {{"error", std::string("This request cannot be understood: ") + e.what()}});
    } catch (const std::logic_error& e) { // std::invalid_argument, and what reading a number throws
        answer(response, 400, {{"error", e.what()}});
    }
}
template<typename action> void obey(const httplib::Request& request, httplib::Response& response, action run) {
    attempt(response, [&] { answer(response, 200, run(json::parse(request.body))); });
}

// Sends the lines of things from number `begin` to number `end`, a thousand of them at a time. `lines_from` moves the place that it
// is given.
template<typename source>
void answer_lines(httplib::Response& response, std::size_t end, source lines_from, std::size_t begin = 0) {
    response.set_chunked_content_provider(
        "application/x-ndjson", [end, lines_from, next = begin](std::size_t, httplib::DataSink& sink) mutable {
            const std::string lines = lines_from(next, std::min<std::size_t>(1000, end - next));
            if (!lines.empty()) sink.write(lines.data(), lines.size());
            if (next >= end) sink.done();
            return true;
        });
}

} // namespace

void serve_control(httplib::Server& routes, world& in) {
    routes.Get("/status", [&in](const auto&, auto& response) { answer(response, 200, status(in)); });

    // With ?payloads, each line has its event's Avro datum, in hexadecimal digits.
    routes.Get("/published", [&in](const auto& request, auto& response) {
        const bool payloads = request.has_param("payloads");
        answer_lines(response, in.salesforce.published(), [&in, payloads](std::size_t& next, std::size_t limit) {
            return in.salesforce.published_lines(next, limit, payloads);
        });
    });

    // The Avro schema ?id=ID, as the org has it.
    routes.Get("/schema", [&in](const auto& request, auto& response) {
        attempt(response, [&] {
            const auto schema = in.salesforce.find_schema(request.get_param_value("id"));
            if (!schema) throw std::invalid_argument("There is no such schema.");
            response.set_content(*schema, "application/json");
        });
    });

    // The texts of the last statements of the SQL warehouse, in the order in which they were sent.
    routes.Get("/statements",
               [&in](const auto&, auto& response) { answer(response, 200, in.sql_warehouse.texts()); });

    // The rows of ?table=NAME, where they are counted.
    routes.Get("/counted", [&in](const auto& request, auto& response) {
        const std::string table = request.get_param_value("table");
        answer_lines(response, in.counted.count(table), [&in, table](std::size_t& next, std::size_t limit) {
            return in.counted.lines(table, next, limit);
        });
    });

    // The state of the records of ?entity=NAME, as all events so far have stated it. Ask when nothing is being published.
    routes.Get("/records", [&in](const auto& request, auto& response) {
        attempt(response, [&] {
            const std::string entity = request.get_param_value("entity");
            std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
            (void)in.changes.record_lines(entity, none, 0);
            answer_lines(response, none, [&in, entity](std::size_t& next, std::size_t limit) {
                return in.changes.record_lines(entity, next, limit);
            });
        });
    });

    // What each event of ?entity=NAME has stated, from event number ?from=N of the entity on.
    routes.Get("/history", [&in](const auto& request, auto& response) {
        attempt(response, [&] {
            if (!in.history) throw std::invalid_argument("The emulator keeps no history: it needs --keep-history.");
            const std::string entity = request.get_param_value("entity");
            const std::size_t count = in.history->count(entity);
            const std::string from = request.get_param_value("from");
            answer_lines(
                response, count,
                [&in, entity](std::size_t& next, std::size_t limit) {
                    return in.history->lines(entity, next, limit);
                },
                std::min(count, from.empty() ? std::size_t{0} : std::size_t{std::stoul(from)}));
        });
    });

    routes.Get("/entities", [&in](const auto&, auto& response) { answer(response, 200, in.changes.description()); });

    // {"entity":"Entity00__c","change":"add","field":"New__c","type":"Double"}: the last two may be missing. Answers what was done.
    routes.Post("/schema_change", [&in](const auto& request, auto& response) {
        obey(request, response, [&](const json& body) -> json {
            return in.changes.change_schema(body.at("entity").get<std::string>(),
                                            {.kind = schema_change_named(body.at("change").get<std::string>()),
                                             .field = body.value("field", ""),
                                             .type = body.value("type", "")});
        });
    });

    routes.Post("/publish", [&in](const auto& request, auto& response) {
        obey(request, response, [&](const json& body) -> json {
            const auto workload = body.value("workload", in.changes.empty() ? "usual" : "changing");
            const bool changing = workload == "changing";
            if (!changing && workload != "usual")
                throw std::invalid_argument("\"workload\" is \"usual\" or \"changing\".");
            if (changing && in.changes.empty())
                throw std::invalid_argument("There are no such entities: the emulator needs --changing-entities.");
            const publisher::job wanted{.count = body.at("count").get<std::uint64_t>(),
                                        .rate = body.value("rate", 0.0),
                                        .bytes = body.value("bytes", std::size_t{0}),
                                        .changing = changing,
                                        .schema_changes = body.value("schema_changes", std::uint64_t{0})};
            const auto number = in.events.start(wanted);
            if (wanted.rate == 0) in.events.wait_for(number);
            return {{"published", in.salesforce.published()}};
        });
    });

    routes.Post("/fault", [&in](const auto& request, auto& response) {
        obey(request, response, [&](const json& body) -> json {
            fault(body, in);
            return json::object();
        });
    });

    // A token of Salesforce, as `sf org display` would show it. {"lifetime_s":60} is how long it is valid.
    routes.Post("/token", [&in](const auto& request, auto& response) {
        obey(request, response, [&](const json& body) -> json {
            const std::chrono::seconds lifetime(body.value("lifetime_s", in.settings.token_lifetime.count()));
            return {{"access_token", salesforce_token(in, lifetime)},
                    {"instance_url", in.urls.salesforce_url},
                    {"org_id", in.salesforce.id()},
                    {"username", in.settings.username}};
        });
    });

    // The private key whose certificate the client's app has, in PEM.
    routes.Get("/private_key", [&in](const auto&, auto& response) {
        attempt(response, [&] { response.set_content(in.app.private_pem(), "application/x-pem-file"); });
    });

    // The body is an Avro schema; events may then be published with its id.
    routes.Post("/schema", [&in](const auto& request, auto& response) {
        obey(request, response,
             [&](const json&) -> json { return {{"schema_id", in.salesforce.add_schema(request.body)}}; });
    });
}

} // namespace emulator
