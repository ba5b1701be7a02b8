// Events of a schema that has a field of each kind that typed tables know, and an independent reading of such events.
#pragma once

#include "catch.hpp"
#include "cdc/made_event.hpp"
#include "exact_bytes.hpp"
#include "reference/avro_writer.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sfcdc/cdc/decoder.hpp>

namespace typed_event {

inline std::string field(const std::string& name, const std::string& type, const std::string& doc) {
    return R"({"name":")" + name + R"(","type":["null",)" + type + R"(],"doc":"Data:)" + doc
           + R"(:00N","default":null})";
}

// The names of the fields in the order of the schema, which is that of a bitmap: the header is number 0.
inline const std::vector<std::string>& names() {
    static const std::vector<std::string> all{"ChangeEventHeader", "Name",      "BillingAddress", "Amount__c",
                                              "Count__c",          "Employees", "IsActive",       "CreatedDate",
                                              "Birthdate",         "Opens__c",  "Tags__c",        "Place__c",
                                              "Office__c",         "Notes__c",  "Big__c"};
    return all;
}

// The same fields without those that are named, for a schema of another day.
inline std::string schema(const std::vector<std::string>& without = {},
                          const std::string& amount_type = "\"double\"") {
    const std::map<std::string, std::string> fields{
        {"Name", R"({"name":"Name","type":["null","string",{"type":"record","name":"Switchable_PersonName","fields":[
              {"name":"Salutation","type":["null","string"]},{"name":"FirstName","type":["null","string"]},{"name":"LastName","type":["null","string"]}]}],"doc":"Data:Switchable_PersonName:00N"})"},
        {"BillingAddress",
         field("BillingAddress",
               R"({"type":"record","name":"Address","fields":[{"name":"Street","type":["null","string"]},
              {"name":"City","type":["null","string"]},{"name":"Latitude","type":["null","double"]},{"name":"Xyz","type":["null","string"]}]})",
               "Address")},
        {"Amount__c", field("Amount__c", amount_type, "Currency")},
        {"Count__c", field("Count__c", "\"double\"", "Double")},
        {"Employees", field("Employees", "\"int\"", "Integer")},
        {"IsActive", field("IsActive", "\"boolean\"", "Boolean")},
        {"CreatedDate", field("CreatedDate", "\"long\"", "DateTime")},
        {"Birthdate", field("Birthdate", "\"long\"", "DateOnly")},
        {"Opens__c", field("Opens__c", "\"long\"", "TimeOnly")},
        {"Tags__c", field("Tags__c", "\"string\"", "MultiEnum")},
        {"Place__c",
         field("Place__c",
               R"({"type":"record","name":"Location","fields":[{"name":"Latitude","type":["null","double"]},
              {"name":"Longitude","type":["null","double"]}]})",
               "Location")},
        {"Office__c",
         field("Office__c", R"({"type":"record","name":"Custom","fields":[{"name":"Street","type":["null","string"]},
              {"name":"State","type":["null","string"]},{"name":"StateCode","type":["null","string"]}]})",
               "Address")},
        {"Notes__c", field("Notes__c", "\"string\"", "StringPlusClob")},
        {"Big__c", field("Big__c", "\"long\"", "Integer")}};
    std::string out = made::schema();
    out.resize(out.find(R"({"name":"Phone")"));
    bool first = true;
    for (std::size_t i = 1; i < names().size(); ++i) {
        bool left_out = false;
        for (const std::string& name : without) left_out = left_out || name == names()[i];
        if (left_out) continue;
        if (!first) out += ',';
        first = false;
        out += fields.at(names()[i]);
    }
    return out + "]}";
}

// The bytes of each field's value, without the branch index of its union; what is not there is null.
using body = std::map<std::string, std::string>;

inline reference::avro_writer value() { return {}; }
inline std::string text(const std::string& s) { return value().text(s).bytes(); }
inline std::string number(std::int64_t n) { return value().integer(n).bytes(); }
inline std::string real(double d) { return value().float64(d).bytes(); }
// The members of a compound, each of which may be null.
inline std::string members(const std::vector<std::optional<std::string>>& all) {
    std::string out;
    for (const auto& member : all) out += member ? "\x02" + *member : std::string(1, '\0');
    return out;
}

inline std::string payload(const made::header& header, const body& values,
                           const std::vector<std::string>& without = {}) {
    std::string bytes;
    for (std::size_t i = 1; i < names().size(); ++i) {
        bool left_out = false;
        for (const std::string& name : without) left_out = left_out || name == names()[i];
        if (left_out) continue;
        const auto at = values.find(names()[i]);
        if (at == values.end())
            bytes += '\0';
        else if (names()[i] == "Name" && at->second.starts_with("record:"))
            bytes += "\x04" + at->second.substr(7);
        else
            bytes += "\x02" + at->second;
    }
    return made::payload(header, bytes);
}

// changedFields of these fields.
inline std::string bitmap(const std::vector<std::string>& changed) {
    unsigned bits = 0;
    for (std::size_t i = 0; i < names().size(); ++i)
        for (const std::string& name : changed)
            if (name == names()[i]) bits |= 1u << i;
    const char* const digits = "0123456789ABCDEF";
    std::string out = "0x";
    for (int shift = 12; shift >= 0; shift -= 4) out += digits[bits >> shift & 15];
    return out;
}

// A decoded event with all that it needs.
struct decoded {
    sfcdc::cdc::plan plan;
    sfcdc::cdc::decoder decoder;
    exact_bytes payload;
    sfcdc::cdc::event event;

    decoded(const std::string& schema_json, const std::string& bytes) : payload(bytes) {
        auto [compiled, bad_schema] = sfcdc::cdc::compile(schema_json);
        REQUIRE(!bad_schema);
        plan = std::move(compiled);
        const auto [e, bad] = decoder.decode(plan, payload.span());
        REQUIRE(!bad);
        event = e;
    }
};

} // namespace typed_event
