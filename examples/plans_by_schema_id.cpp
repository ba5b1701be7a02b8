// Events of several objects in one stream, such as /data/ChangeEvents: each event says by a schema id which schema it is written with, and
// each schema is compiled once, when the first event of its id arrives.
#include <sfcdc/sfcdc.hpp>

#include <cstdio>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

// Plans by schema id. A plan stays where it is when another one is added, so that events may look into it.
class plans_by_schema_id {
  public:
    // Returns the plan of a schema that is known, else null.
    const sfcdc::cdc::plan* find(std::string_view schema_id) const {
        const auto found = plans_.find(schema_id);
        return found == plans_.end() ? nullptr : &found->second;
    }
    // Compiles the schema of an id that is not known yet. After an error the id is as unknown as before.
    sfcdc::error add(std::string_view schema_id, std::string_view schema_json) {
        auto [plan, bad] = sfcdc::cdc::compile(schema_json);
        if (!bad) plans_.emplace(schema_id, std::move(plan));
        return bad;
    }

  private:
    std::map<std::string, sfcdc::cdc::plan, std::less<>> plans_;
};

// Stands for the Pub/Sub API's GetSchema: the text of the schema that has this id; empty if no file has it.
static std::string get_schema(std::string_view schema_id, char** files, int count) {
    std::printf("GetSchema %.*s\n", static_cast<int>(schema_id.size()), schema_id.data());
    for (int i = 0; i < count; ++i) {
        std::ifstream in(files[i], std::ios::binary);
        std::ostringstream text;
        text << in.rdbuf();
        const auto [schema, bad] = sfcdc::avro::parse_schema(text.str());
        if (!bad && sfcdc::avro::schema_id(schema) == schema_id) return text.str();
    }
    return {};
}

int main(int argc, char** argv) {
    int files = 0;
    while (1 + files < argc && std::string_view(argv[1 + files]) != "--") ++files;
    if (files == 0 || 1 + files == argc)
        return std::puts("usage: plans_by_schema_id SCHEMA.avsc... -- {SCHEMA_ID PAYLOAD_IN_BASE64}..."), 2;

    plans_by_schema_id plans;
    sfcdc::cdc::decoder decoder; // one for events of all plans
    for (int i = files + 2; i + 1 < argc; i += 2) {
        const std::string_view schema_id = argv[i];
        const auto [payload, bad_text] = sfcdc::wire::from_base64(argv[i + 1]);
        if (bad_text) return std::printf("character %u: %s\n", bad_text.offset, bad_text.message()), 1;

        const sfcdc::cdc::plan* plan = plans.find(schema_id);
        if (plan == nullptr) {
            const std::string schema_json = get_schema(schema_id, argv + 1, files);
            if (schema_json.empty()) { // the position moves on only when the event is kept elsewhere
                std::printf("  there is no such schema: the event is put aside\n");
                continue;
            }
            if (const sfcdc::error bad = plans.add(schema_id, schema_json))
                return std::printf("schema, byte %u: %s\n", bad.offset, bad.message()), 1;
            plan = plans.find(schema_id);
        }
        const auto [event, bad] = decoder.decode(*plan, payload);
        if (bad) return std::printf("byte %u: %s\n", bad.offset, bad.message()), 1;
        const std::string_view entity = event.header().entity_name();
        const std::string_view change = to_string(event.header().change_type());
        std::printf("  %.*s %.*s:", static_cast<int>(entity.size()), entity.data(), static_cast<int>(change.size()),
                    change.data());
        for (const std::string_view name : event.changed_fields()) {
            std::string value;
            sfcdc::row::append_field_json(event, plan->find(name), value);
            std::printf(" %.*s=%s", static_cast<int>(name.size()), name.data(), value.c_str());
        }
        std::puts("");
    }
    return 0;
}
