// The event schemas of the emulated org.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace emulator {

struct record_shape;

struct field_shape {
    std::string name;
    std::string type; // "string", "long", ..., or the name of a compound; the null branch goes without saying
    std::string doc;
    const record_shape* compound = nullptr; // set when type names one
    bool or_string = false;                 // a union of null, string and compound: a business or a person account
};

struct record_shape {
    std::string name;
    std::vector<field_shape> fields;
};

struct event_schema {
    std::string record_name; // "Invoice__ChangeEvent"
    std::string entity_name; // "Invoice__c"
    std::string topic_name;  // "/data/Invoice__ChangeEvent"
    // Position is index: in a change event fields[0] is ChangeEventHeader. In a platform event all are body fields,
    // the first two required.
    std::vector<field_shape> fields;
    std::string json;
    std::string id;

    bool is_change_event() const { return topic_name.starts_with("/data/"); }
    std::size_t position(std::string_view field_name) const;
};

struct org_schemas {
    event_schema account;          // what the org starts with
    event_schema account_extended; // with one custom field more, in the middle
    event_schema contact;
    event_schema invoice;
    event_schema order_event;
};

// Made once; the compounds that fields point to live as long as the program.
const org_schemas& all_schemas();

// Makes fields of text with one field a line: name, type, doc. A type that names a compound becomes one; "?" in front of it adds a
// string branch.
std::vector<field_shape> fields_from(std::string_view lines);

// Makes the schema of an entity's change events. `fields` are those of the body; the header is put in front of them.
event_schema make_change_event_schema(std::string record_name, std::string entity_name,
                                      std::vector<field_shape> fields);

// Makes the schema of a platform event of this name, "Payment__e", with the fields of Order_Event__e.
event_schema make_platform_event_schema(const std::string& name);

} // namespace emulator
