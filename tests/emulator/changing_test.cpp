#include "../catch.hpp"
#include "avro_reader.hpp"
#include "peer.hpp"

#include "emulator/changing_workload.hpp"
#include "emulator/identifiers.hpp"
#include "emulator/schema_id.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

using namespace test;
using nlohmann::ordered_json;

namespace {

emulator::options changing(std::size_t entities, std::uint64_t seed = 1) {
    emulator::options chosen;
    chosen.seed = seed;
    chosen.changing_entities = entities;
    chosen.keep_history = true;
    return chosen;
}

std::vector<json> lines_of(peer& org, const std::string& path) {
    const auto response = httplib::Client(org.state().urls.control_url).Get(path);
    if (!response || response->status != 200) throw std::runtime_error(path + (response ? response->body : ""));
    std::vector<json> lines;
    std::istringstream text(response->body);
    for (std::string line; std::getline(text, line);) lines.push_back(json::parse(line));
    return lines;
}

json entities_of(peer& org) {
    return json::parse(httplib::Client(org.state().urls.control_url).Get("/entities")->body);
}

std::vector<emulator::stored_event> events_of(peer& org) {
    return org.state().salesforce.read(all_changes, 0, 10'000'000).events;
}

// ---- a reader of events that knows nothing of the emulator but its schemas

class event_reader {
  public:
    explicit event_reader(peer& org) : org_(org) {}

    const ordered_json& schema(const std::string& id) {
        if (const auto found = schemas_.find(id); found != schemas_.end()) return found->second;
        return schemas_[id] = ordered_json::parse(org_.state().salesforce.find_schema(id).value());
    }
    ordered_json datum(const emulator::stored_event& of) {
        return avro_reader::read(schema(of.event.schema_id), of.event.payload);
    }

    // What an event states, by the dotted names of its fields: the value as a typed table has it, and as the event has it.
    struct told {
        std::string column; // empty: there is none
        json value, avro;
    };
    std::map<std::string, told> stated(const emulator::stored_event& of) {
        const ordered_json& fields = schema(of.event.schema_id).at("fields");
        const ordered_json read = datum(of);
        const ordered_json& header = read.at("ChangeEventHeader");
        const std::string type = header.at("changeType");
        const bool whole = type == "CREATE" || type == "UNDELETE";
        std::map<std::string, told> all;
        if (!whole && type != "UPDATE") return all;
        const auto changed = positions(header.at("changedFields")), nulled = positions(header.at("nulledFields"));
        ordered_json named; // compounds are spelled out at their first use
        for (std::size_t at = 1; at < fields.size(); ++at) {
            const std::string name = fields[at].at("name"), doc = fields[at].value("doc", "");
            const ordered_json& branch = fields[at].at("type").at(1);
            if (branch.is_object()) named[branch.at("name").get<std::string>()] = branch.at("fields");
            const std::string simple =
                branch.is_string() ? branch.get<std::string>() : branch.at("name").get<std::string>();
            const ordered_json& value = read.at(name);
            if (!named.contains(simple)) {
                const std::string key = std::to_string(at);
                if (!whole && !changed.contains(key)) {
                    REQUIRE(value.is_null());
                    continue;
                }
                REQUIRE((whole || value.is_null() == nulled.contains(key)));
                all[name] = {name, told_value(value, simple, doc), value};
                continue;
            }
            for (std::size_t child = 0; child < named[simple].size(); ++child) {
                const std::string key = std::to_string(at) + "-" + std::to_string(child);
                const std::string part = named[simple][child].at("name");
                const json inner = value.is_null() ? json() : json(value.at(part));
                if (!whole && !changed.contains(key)) {
                    REQUIRE(inner.is_null());
                    continue;
                }
                REQUIRE((whole || inner.is_null() == nulled.contains(key)));
                all[name + "." + part] = {column(name, part), told_value(inner, "", ""), inner};
            }
        }
        return all;
    }

  private:
    // "0x06" is "1" and "2", "6-0x01" is "6-0".
    static std::set<std::string> positions(const ordered_json& bitmaps) {
        std::set<std::string> all;
        for (const std::string text : bitmaps) {
            const std::size_t x = text.find("0x");
            const std::string prefix = text.substr(0, x), digits = text.substr(x + 2);
            for (std::size_t bit = 0; bit < digits.size() * 4; ++bit) {
                const int digit = std::stoi(digits.substr(digits.size() - 1 - bit / 4, 1), nullptr, 16);
                if ((digit >> (bit % 4) & 1) != 0) all.insert(prefix + std::to_string(bit));
            }
        }
        return all;
    }
    static std::string column(const std::string& compound, const std::string& part) {
        if (compound == "BillingAddress") return "Billing" + part;
        if (compound == "Name") return part;
        if (part == "State" || part == "Country") return "";
        return compound.substr(0, compound.size() - 1) + part + "__s"; // "X__c" is "X__", the part, and "__s"
    }
    static json told_value(const json& value, const std::string& type, const std::string& doc) {
        if (value.is_null()) return nullptr;
        if (value.is_string()) return {{"text", value}};
        if (value.is_boolean()) return {{"boolean", value}};
        if (type != "long") return {{"number", value}};
        const auto ms = value.get<std::int64_t>();
        if (doc.find("DateOnly") != std::string::npos)
            return {{"days", static_cast<std::int64_t>(std::floor(static_cast<double>(ms) / 86'400'000.0))}};
        if (doc.find("TimeOnly") == std::string::npos) return {{"microseconds", ms * 1000}};
        std::ostringstream text;
        const auto two = [&](std::int64_t n) { text << (n < 10 ? "0" : "") << n; };
        two(ms / 3'600'000), text << ':', two(ms / 60'000 % 60), text << ':', two(ms / 1000 % 60), text << '.';
        text << (ms % 1000 < 100 ? "0" : ""), two(ms % 1000), text << 'Z';
        return {{"text", text.str()}};
    }

    peer& org_;
    std::map<std::string, ordered_json> schemas_;
};

struct folded {
    bool complete = false, in_doubt = false;
    std::map<std::string, json> fields;
};

// What the events of each entity lead to, by entity and record id.
std::map<std::string, std::map<std::string, folded>> fold(peer& org, event_reader& reader) {
    std::map<std::string, std::map<std::string, folded>> all;
    for (const auto& stored : events_of(org)) {
        const ordered_json header = reader.datum(stored).at("ChangeEventHeader");
        const std::string type = header.at("changeType");
        auto& records = all[header.at("entityName")];
        const auto stated = reader.stated(stored);
        for (const std::string id : header.at("recordIds")) {
            if (type == "DELETE" || type == "GAP_DELETE") records.erase(id);
            if (type == "GAP_UPDATE" && records.contains(id)) records[id].in_doubt = true;
            if (type == "CREATE" || type == "UNDELETE") records[id] = {true, false, {}};
            for (const auto& [field, value] : stated)
                records[id].fields[value.column.empty() ? field : value.column] = value.value;
        }
    }
    return all;
}

} // namespace

TEST_CASE("the org's records are what its events lead to, whatever happens to the schemas") {
    const std::uint64_t seed = GENERATE(1, 2);
    CAPTURE(seed);
    peer org(changing(5, seed));
    org.control("/publish", {{"count", 4000}, {"schema_changes", 60}});
    org.control("/publish", {{"count", 1000}, {"schema_changes", 0}});
    CHECK(org.state().salesforce.published() == 5000);
    event_reader reader(org);
    const auto expected = fold(org, reader);
    REQUIRE(expected.size() == 5);
    std::size_t incomplete = 0, doubtful = 0, cleared = 0, without_column = 0;
    for (const json& entity : entities_of(org)) {
        const std::string name = entity.at("entity");
        const auto lines = lines_of(org, "/records?entity=" + name);
        CHECK(lines.size() == entity.at("records"));
        REQUIRE(lines.size() == expected.at(name).size());
        std::string previous;
        for (const json& line : lines) {
            const std::string id = line.at("id");
            const folded& record = expected.at(name).at(id);
            REQUIRE(line.at("complete") == record.complete);
            REQUIRE(line.at("in_doubt") == record.in_doubt);
            REQUIRE(line.at("fields") == json(record.fields));
            REQUIRE(id != previous);
            previous = id;
            incomplete += !record.complete;
            doubtful += record.in_doubt;
            for (const auto& [field, value] : record.fields) {
                cleared += value.is_null();
                without_column += field.find('.') != std::string::npos;
            }
        }
    }
    CHECK(incomplete > 0);
    CHECK(doubtful > 0);
    CHECK(cleared > 0);
    CHECK(without_column > 0);
}

TEST_CASE("the history says what each event states") {
    peer org(changing(3));
    org.control("/publish", {{"count", 2000}, {"schema_changes", 20}});
    event_reader reader(org);
    std::map<std::string, std::vector<json>> history;
    std::map<std::string, std::size_t> next;
    for (const json& entity : entities_of(org)) {
        const std::string name = entity.at("entity");
        history[name] = lines_of(org, "/history?entity=" + name);
    }
    for (const auto& stored : events_of(org)) {
        const std::string name = stored.event.entity;
        REQUIRE(next[name] < history[name].size());
        const json& line = history[name][next[name]++];
        const ordered_json header = reader.datum(stored).at("ChangeEventHeader");
        REQUIRE(line.at("replay_id") == emulator::lower_hex(emulator::org::replay_id(stored.counter)));
        REQUIRE(line.at("entity") == name);
        REQUIRE(line.at("schema_id") == stored.event.schema_id);
        REQUIRE(line.at("change_type") == json(header.at("changeType")));
        REQUIRE(line.at("record_ids") == json(header.at("recordIds")));
        REQUIRE(line.at("commit_number") == json(header.at("commitNumber")));
        REQUIRE(line.at("sequence_number") == json(header.at("sequenceNumber")));
        json fields = json::object();
        for (const auto& [field, told] : reader.stated(stored)) {
            fields[field] = {{"column", told.column.empty() ? json() : json(told.column)}, {"value", told.value}};
            if (told.avro.is_number_integer() && !(told.value.contains("number"))) fields[field]["avro"] = told.avro;
        }
        REQUIRE(line.at("fields") == fields);
    }
    for (const auto& [name, lines] : history) CHECK(lines.size() == next[name]);
    const auto last =
        lines_of(org, "/history?entity=Entity00__c&from=" + std::to_string(history["Entity00__c"].size() - 1));
    REQUIRE(last.size() == 1);
    CHECK(last.front() == history["Entity00__c"].back());
}

TEST_CASE("transactions are in commit order, and have every shape") {
    peer org(changing(20));
    org.control("/publish", {{"count", 10'000}, {"schema_changes", 100}});
    const auto events = events_of(org);
    REQUIRE(events.size() == 10'000);
    event_reader reader(org);
    std::map<std::string, int> shapes;
    std::set<std::string> docs;
    std::map<std::string, std::string> schemas_of_transaction; // by entity
    std::int64_t number = 0, sequence = 0;
    std::string key;
    for (const auto& stored : events) {
        const ordered_json header = reader.datum(stored).at("ChangeEventHeader");
        const std::int64_t commit = header.at("commitNumber"), place = header.at("sequenceNumber");
        REQUIRE(commit >= number);
        if (commit == number) {
            REQUIRE(place == sequence + 1);
            REQUIRE(header.at("transactionKey") == key);
        } else {
            REQUIRE(header.at("transactionKey") != key);
            schemas_of_transaction.clear();
        }
        number = commit;
        sequence = place;
        key = header.at("transactionKey");
        std::string& schema_of_entity = schemas_of_transaction[stored.event.entity];
        if (!schema_of_entity.empty() && schema_of_entity != stored.event.schema_id)
            shapes["several schemas in a transaction"] += 1;
        schema_of_entity = stored.event.schema_id;
        if (schemas_of_transaction.size() > 1) shapes["several entities in a transaction"] += 1;
        shapes[header.at("changeType")] += 1;
        if (header.at("recordIds").size() > 1) shapes["several records"] += 1;
        if (!header.at("nulledFields").empty()) shapes["nulled"] += 1;
        for (const std::string bitmap : header.at("nulledFields"))
            if (bitmap.find('-') != std::string::npos) shapes["part of a compound nulled"] += 1;
        for (const auto& field : reader.schema(stored.event.schema_id).at("fields")) {
            const std::string doc = field.value("doc", "");
            docs.insert(doc.substr(0, doc.find(':', doc.find(':') + 1)));
        }
    }
    for (const char* shape :
         {"CREATE", "UPDATE", "DELETE", "UNDELETE", "GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE",
          "GAP_OVERFLOW", "several records", "nulled", "part of a compound nulled",
          "several entities in a transaction", "several schemas in a transaction"}) {
        CAPTURE(shape);
        CHECK(shapes[shape] > 0);
    }
    CHECK(shapes["UPDATE"] > 5'000);
    for (const char* doc : {"Data:Text", "Data:MultiEnum", "Data:Double", "Data:Currency", "Data:Percent",
                            "Data:Integer", "Data:Boolean", "Data:DateTime", "Data:DateOnly", "Data:TimeOnly",
                            "Data:Location", "Data:Address", "Data:PersonName", "ForeignKey:EntityId"}) {
        CAPTURE(doc);
        CHECK(docs.contains(doc));
    }
}

TEST_CASE("the same seed and the same commands make the same events") {
    const auto run = [](std::uint64_t seed) {
        peer org(changing(4, seed));
        org.control("/publish", {{"count", 1500}, {"schema_changes", 15}});
        org.control("/schema_change", {{"entity", "Entity02__c"}, {"change", "add"}});
        org.control("/publish", {{"count", 500}, {"schema_changes", 5}});
        return events_of(org);
    };
    const auto first = run(7), second = run(7), other = run(8);
    REQUIRE(first.size() == 2000);
    REQUIRE(second.size() == 2000);
    for (std::size_t i = 0; i < first.size(); ++i) {
        REQUIRE(first[i].counter == second[i].counter);
        REQUIRE(first[i].event.id == second[i].event.id);
        REQUIRE(first[i].event.schema_id == second[i].event.schema_id);
        REQUIRE(first[i].event.payload == second[i].event.payload);
    }
    CHECK(first[0].event.payload != other[0].event.payload);
}

TEST_CASE("a run has as many changes of schemas as it was asked for, and schemas come back") {
    peer org(changing(2));
    const auto versions = [&] {
        std::size_t count = 0;
        for (const json& entity : entities_of(org)) count += entity.at("schema_ids").size();
        return count;
    };
    org.control("/publish", {{"count", 500}, {"schema_changes", 0}});
    CHECK(versions() == 2);
    org.control("/publish", {{"count", 500}, {"schema_changes", 1}});
    CHECK(versions() == 3);
    org.control("/publish", {{"count", 5000}, {"schema_changes", 50}});
    CHECK(versions() > 30); // an earlier schema is no new one

    std::map<std::string, std::vector<std::string>> order; // ids of each entity, when they begin
    std::size_t came_back = 0;
    for (const auto& stored : events_of(org)) {
        auto& ids = order[stored.event.entity];
        if (!ids.empty() && ids.back() == stored.event.schema_id) continue;
        came_back += std::find(ids.begin(), ids.end(), stored.event.schema_id) != ids.end();
        ids.push_back(stored.event.schema_id);
    }
    CHECK(came_back > 20);
    for (const json& entity : entities_of(org)) {
        std::set<std::string> ids;
        for (const std::string id : entity.at("schema_ids")) {
            CHECK(ids.insert(id).second);
            CHECK(emulator::schema_id_of(org.state().salesforce.find_schema(id).value()) == id);
        }
        const std::string topic = entity.at("topic");
        CHECK(org.state().salesforce.find_topic(topic)->schema_id == entity.at("schema_id").get<std::string>());
        CHECK(!org.state().salesforce.read(topic, 0, 1).events.empty());
    }
}

TEST_CASE("a schema changes on demand") {
    peer org(changing(2));
    const auto change = [&](const char* what, const json& more = json::object()) {
        json command{{"entity", "Entity01__c"}, {"change", what}};
        command.update(more);
        return org.control("/schema_change", command);
    };
    const auto field = [&](const std::string& schema_id, const std::string& name) {
        const json schema = json::parse(org.state().salesforce.find_schema(schema_id).value());
        for (const json& one : schema.at("fields"))
            if (one.at("name") == name) return one;
        return json();
    };
    const std::string first = entities_of(org).at(1).at("schema_id");
    CHECK(field(first, "Text__c").at("type") == json{"null", "string"});

    const json added = change("add", {{"field", "Wanted__c"}, {"type", "DateOnly"}});
    CHECK(added.at("schema_id_before") == first);
    CHECK(added.at("schema_id") != first);
    CHECK(field(first, "Wanted__c").is_null());
    CHECK(field(added.at("schema_id"), "Wanted__c").at("type") == json{"null", "long"});
    CHECK(field(added.at("schema_id"), "Wanted__c").at("doc").get<std::string>().starts_with("Data:DateOnly:00NEm"));

    const json retyped = change("type", {{"field", "Text__c"}, {"type", "Double"}});
    CHECK(field(retyped.at("schema_id"), "Text__c").at("type") == json{"null", "double"});
    const json back = change("type", {{"field", "Text__c"}, {"type", "Text"}});
    CHECK(back.at("schema_id") == added.at("schema_id"));
    const json removed = change("remove", {{"field", "Wanted__c"}});
    CHECK(removed.at("schema_id") == first);
    CHECK(change("earlier").at("schema_id") != first);
    for (const char* any : {"add", "remove", "type"}) {
        const json done = change(any);
        CHECK(done.at("schema_id") != done.at("schema_id_before"));
        CHECK(done.at("change") == any);
        CHECK(org.state().salesforce.find_topic("/data/Entity01__ChangeEvent")->schema_id
              == done.at("schema_id").get<std::string>());
    }
    CHECK(org.state().salesforce.find_topic("/data/Entity00__ChangeEvent")->schema_id
          == entities_of(org).at(0).at("schema_id").get<std::string>());

    for (const json& command :
         {json{{"entity", "Entity01__c"}, {"change", "nothing"}}, json{{"entity", "Nobody__c"}, {"change", "add"}},
          json{{"entity", "Entity01__c"}, {"change", "add"}, {"field", "Wanted"}},
          json{{"entity", "Entity01__c"}, {"change", "add"}, {"field", "X__c"}, {"type", "Void"}},
          json{{"entity", "Entity01__c"}, {"change", "remove"}, {"field", "Nothing__c"}},
          json{{"entity", "Entity01__c"}, {"change", "type"}, {"field", "Mail__c"}, {"type", "Text"}},
          json{{"entity", "Entity01__c"}}}) {
        CAPTURE(command.dump());
        CHECK(org.control("/schema_change", command, 400).at("error").get<std::string>().size() > 10);
    }
}

TEST_CASE("an org without changing entities refuses to publish their events") {
    peer org;
    CHECK(entities_of(org).empty());
    org.control("/publish", {{"count", 1}, {"workload", "changing"}}, 400);
    org.control("/publish", {{"count", 1}, {"workload", "other"}}, 400);
    CHECK(httplib::Client(org.state().urls.control_url).Get("/records?entity=Account")->status == 400);
    CHECK(httplib::Client(org.state().urls.control_url).Get("/history?entity=Account")->status == 400);
    peer both(changing(1));
    both.control("/publish", {{"count", 100}, {"workload", "usual"}});
    for (const auto& stored : events_of(both)) CHECK(stored.event.entity != "Entity00__c");
}
