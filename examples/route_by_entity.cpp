// One stream carries the events of many objects: compile each schema once, and route by what the header says.
#include <sfcdc/sfcdc.hpp>

#include <cstdio>
#include <map>

class router {
  public:
    void add_schema(std::string_view schema_json) {
        auto [plan, bad] = sfcdc::avro::compile(schema_json);
        if (bad) return void(std::printf("byte %u: %s\n", bad.offset, bad.message()));
        plans_.insert_or_assign(sfcdc::avro::schema_id(plan.schema()), std::move(plan));
    }
    void on_event(const std::string& schema_id, std::string_view payload) {
        const auto plan = plans_.find(schema_id); // not there: fetch it with GetSchema, once
        if (plan == plans_.end()) return void(std::puts("unknown schema"));
        const auto [event, bad] = decoder_.decode(plan->second, sfcdc::wire::as_bytes(payload));
        if (bad) return void(std::printf("byte %u: %s\n", bad.offset, bad.message()));
        const std::string_view entity = event.has_header() ? event.header().entity_name() : "(a platform event)";
        std::printf("%.*s: %zu fields changed\n", static_cast<int>(entity.size()), entity.data(),
                    event.changed_fields().size());
    }

  private:
    std::map<std::string, sfcdc::avro::plan> plans_; // by schema id; a map's elements stay where they are
    sfcdc::cdc::decoder decoder_;
};

int main() {
    router r;
    r.add_schema(
        R"({"type":"record","name":"Door_Opened__e","fields":[{"name":"Door__c","type":["null","string"]}]})");
    r.on_event("IoVIN1tjQMkSbwECc6UiqA", "\x02\x0anorth");
    r.on_event("0000000000000000000000", "");
}
