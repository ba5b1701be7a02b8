#include "control_http.hpp"

#include "http_server.hpp"
#include "identifiers.hpp"
#include "listing.hpp"
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

// Faults of the org and of the lake are carried out here, all others by `faults`.
void fault(const json& command, world& in) {
    const std::string op = command.is_object() ? command.value("op", "") : "";
    if (!is_fault(op)) throw std::invalid_argument("There is no fault called \"" + op + "\"; GET / lists them.");
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

std::string accepted_type(const httplib::Request& request) {
    const std::string accept = request.get_header_value("Accept");
    for (const char* const type : {"text/html", "text/markdown"})
        if (accept.find(type) != accept.npos) return type;
    return "application/json";
}

constexpr control_route routes_of_control[] = {
    {"GET", "/", "", "this list: as JSON, or by `Accept` as `text/html` or `text/markdown`",
     [](const auto& request, auto& response, world& in) {
         const std::string type = accepted_type(request);
         if (type == "text/html") return response.set_content(listing_html(in), type);
         if (type == "text/markdown") return response.set_content(listing_markdown(), type);
         response.set_content(listing_json(in).dump(), type);
     }},
    {"GET", "/sfcdc.toml", "", "a configuration of sfcdc that leads here, as `--print-config` writes it",
     [](const auto&, auto& response, world& in) { response.set_content(in.configuration, "application/toml"); }},
    {"GET", "/status", "", "counts of everything",
     [](const auto&, auto& response, world& in) { answer(response, 200, status(in)); }},
    {"GET", "/published", "?payloads",
     "what was published, one line of JSON for each event; with `payloads` each has its Avro datum, in hexadecimal "
     "digits",
     [](const auto& request, auto& response, world& in) {
         const bool payloads = request.has_param("payloads");
         answer_lines(response, in.salesforce.published(), [&in, payloads](std::size_t& next, std::size_t limit) {
             return in.salesforce.published_lines(next, limit, payloads);
         });
     }},
    {"GET", "/schema", "?id=ID", "an Avro schema of the org",
     [](const auto& request, auto& response, world& in) {
         attempt(response, [&] {
             const auto schema = in.salesforce.find_schema(request.get_param_value("id"));
             if (!schema) throw std::invalid_argument("There is no such schema.");
             response.set_content(*schema, "application/json");
         });
     }},
    {"GET", "/statements", "",
     "the texts of the last statements of the SQL warehouse, in the order in which they were sent: a JSON array",
     [](const auto&, auto& response, world& in) { answer(response, 200, in.sql_warehouse.texts()); }},
    {"GET", "/counted", "?table=NAME", "the rows of a table, where they are counted (`--count-rows`)",
     [](const auto& request, auto& response, world& in) {
         const std::string table = request.get_param_value("table");
         answer_lines(response, in.counted.count(table), [&in, table](std::size_t& next, std::size_t limit) {
             return in.counted.lines(table, next, limit);
         });
     }},
    {"GET", "/entities", "", "the entities whose schemas change",
     [](const auto&, auto& response, world& in) { answer(response, 200, in.changes.description()); }},
    {"GET", "/records", "?entity=NAME",
     "the state of the records of such an entity, as all events so far have stated it; ask when nothing is being "
     "published",
     [](const auto& request, auto& response, world& in) {
         attempt(response, [&] {
             const std::string entity = request.get_param_value("entity");
             std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
             (void)in.changes.record_lines(entity, none, 0);
             answer_lines(response, none, [&in, entity](std::size_t& next, std::size_t limit) {
                 return in.changes.record_lines(entity, next, limit);
             });
         });
     }},
    {"GET", "/history", "?entity=NAME&from=N", "what each event of such an entity has stated (`--keep-history`)",
     [](const auto& request, auto& response, world& in) {
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
     }},
    {"GET", "/private_key", "",
     "the private key whose certificate the client's app has, in PEM; see [Logins](#logins)",
     [](const auto&, auto& response, world& in) {
         attempt(response, [&] { response.set_content(in.app.private_pem(), "application/x-pem-file"); });
     }},
    {"POST", "/publish", "",
     "publishes `count` events: at once, or `rate` a second. `bytes`: the size of each payload. `workload`: "
     "`\"usual\"` or "
     "`\"changing\"` (the default where there are such entities), and for the latter `schema_changes`",
     [](const auto& request, auto& response, world& in) {
         obey(request, response, [&](const json& body) -> json {
             const auto workload = body.value("workload", in.changes.empty() ? "usual" : "changing");
             const bool changing = workload == "changing";
             if (!changing && workload != "usual")
                 throw std::invalid_argument("\"workload\" is \"usual\" or \"changing\".");
             if (changing && in.changes.empty())
                 throw std::invalid_argument("There are no such entities: the emulator needs --changing-entities.");
             const publisher::job wanted{.count = body.at("count").template get<std::uint64_t>(),
                                         .rate = body.value("rate", 0.0),
                                         .bytes = body.value("bytes", std::size_t{0}),
                                         .changing = changing,
                                         .schema_changes = body.value("schema_changes", std::uint64_t{0})};
             const auto number = in.events.start(wanted);
             if (wanted.rate == 0) in.events.wait_for(number);
             return {{"published", in.salesforce.published()}};
         });
     }},
    {"POST", "/fault", "", "`{\"op\": …}`, as listed below",
     [](const auto& request, auto& response, world& in) {
         obey(request, response, [&](const json& body) -> json {
             fault(body, in);
             return json::object();
         });
     }},
    {"POST", "/schema", "",
     "adds an Avro schema, which is the body; answers its `schema_id`, with which events may be published",
     [](const auto& request, auto& response, world& in) {
         obey(request, response,
              [&](const json&) -> json { return {{"schema_id", in.salesforce.add_schema(request.body)}}; });
     }},
    {"POST", "/schema_change", "",
     "changes the schema of an entity: `entity`, `change`, and if need be `field` and `type`; answers what was done",
     [](const auto& request, auto& response, world& in) {
         obey(request, response, [&](const json& body) -> json {
             return in.changes.change_schema(
                 body.at("entity").template get<std::string>(),
                 {.kind = schema_change_named(body.at("change").template get<std::string>()),
                  .field = body.value("field", ""),
                  .type = body.value("type", "")});
         });
     }},
    {"POST", "/topic", "",
     "defines a platform event: `topic`, such as `\"/event/Payment__e\"`, with the fields of Order_Event__e; "
     "publishes "
     "`count` (0) events of it at once, also where it is defined already. Answers its `schema_id`",
     [](const auto& request, auto& response, world& in) {
         obey(request, response, [&](const json& body) -> json {
             const auto topic = body.at("topic").template get<std::string>();
             const std::string name = topic.substr(topic.rfind('/') + 1);
             if (topic != "/event/" + name || !name.ends_with("__e"))
                 throw std::invalid_argument("\"topic\" is \"/event/\" and a name that ends with \"__e\".");
             const event_schema schema = make_platform_event_schema(name);
             in.salesforce.add_schema(schema.json);
             in.salesforce.add_topic(topic, schema.id);
             // Another seed each time: the ids of events are made from it.
             workload made(in.settings.seed + 1 + in.salesforce.published());
             if (const auto count = body.value("count", std::size_t{0}); count > 0)
                 in.salesforce.publish(made.platform_events(schema, count));
             return {{"schema_id", schema.id}, {"published", in.salesforce.published()}};
         });
     }},
    {"POST", "/token", "",
     "a token of Salesforce, as `sf org display` would show it; `lifetime_s` is how long it is valid. See "
     "[Logins](#logins)",
     [](const auto& request, auto& response, world& in) {
         obey(request, response, [&](const json& body) -> json {
             const std::chrono::seconds lifetime(body.value("lifetime_s", in.settings.token_lifetime.count()));
             return {{"access_token", salesforce_token(in, lifetime)},
                     {"instance_url", in.urls.salesforce_url},
                     {"org_id", in.salesforce.id()},
                     {"username", in.settings.username}};
         });
     }},
};

} // namespace

std::span<const control_route> control_routes() { return routes_of_control; }

void serve_control(httplib::Server& routes, world& in) {
    for (const control_route& one : control_routes()) {
        const auto carry_out = [&in, run = one.answer](const httplib::Request& request, httplib::Response& response) {
            run(request, response, in);
        };
        const std::string path(one.path);
        if (one.method == "GET")
            routes.Get(path, carry_out);
        else
            routes.Post(path, carry_out);
    }
}

} // namespace emulator
