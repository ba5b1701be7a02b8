// The schema of one entity as an admin changes it: its versions, and the columns of a typed table that its fields belong to.
#pragma once

#include "change_event.hpp"
#include "dice.hpp"
#include "schemas.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace emulator {

// A field with a simple value: one of the event itself, or a child of a compound.
struct leaf_field {
    field_path path;
    std::string field; // its dotted name: "BillingAddress.City"
    std::string
        column; // its name in a typed table, "BillingCity"; empty where Salesforce has no name for such a component
    std::size_t column_number; // among all columns that the entity has ever had
    std::string type;          // the Avro type
    std::string doc;           // what a long means; empty in a compound
};

struct schema_version {
    event_schema schema;
    std::vector<leaf_field> leaves;        // in the order of the schema
    std::vector<std::size_t> first_leaves; // by the position of a field: its first leaf; one more at the end

    const leaf_field& leaf(field_path path) const {
        return leaves[first_leaves[path.field] + path.child.value_or(0)];
    }
};

enum class schema_change_kind {
    add_field,
    remove_field,
    change_type,   // a field gets another Avro type, under the same name
    earlier_schema // the entity gets back a schema, and so a schema id, that it had before
};

struct schema_change {
    schema_change_kind kind;
    std::string field = {}; // empty: a random one
    std::string type =
        {}; // of an added or changed field, as its doc names it ("Double", "DateOnly"); empty: a random one
};

// "add", "remove", "type", "earlier". Throws std::invalid_argument for any other word.
schema_change_kind schema_change_named(const std::string& word);
const char* name_of(schema_change_kind kind);

// The name that Salesforce gives a component of a compound field. Empty where there is none.
std::string component_name(std::string_view compound_field, std::string_view child);

// Versions stay valid as long as the object. Not for several threads.
class entity_schema {
  public:
    // `number` makes the name: 7 is Entity07__c. `from` mixes the order of the fields.
    entity_schema(std::size_t number, dice& from);

    const std::string& entity() const { return current().schema.entity_name; }
    const std::string& topic() const { return current().schema.topic_name; }
    const schema_version& current() const { return versions_[current_]; }
    // The version that was replaced last; the current one when there is none.
    const schema_version& replaced() const { return versions_[replaced_]; }
    const std::deque<schema_version>& versions() const { return versions_; }
    // Names of columns; a component without a column stands here with its dotted name.
    const std::vector<std::string>& columns() const { return columns_; }

    // Changes the current version and returns what was done. A change without a field that is not possible now becomes another one:
    // so the schema id always is another one than before. Throws std::invalid_argument, with a sentence, where a field or type is
    // named and the change is not possible.
    schema_change change(schema_change wanted, dice& from);

  private:
    std::vector<field_shape> body() const;
    std::vector<std::size_t> custom_fields(bool simple_only) const; // positions in body()
    std::size_t custom_field_named(const std::string& name) const;
    void replace_by(std::vector<field_shape> fields);
    std::size_t column_number(const std::string& name);
    std::string next_field_id();

    std::size_t number_;
    std::deque<schema_version> versions_;
    std::size_t current_ = 0, replaced_ = 0;
    std::vector<std::string> columns_;
    std::map<std::string, std::size_t> column_numbers_; // by name in small letters
    std::size_t fields_made_ = 0, fields_added_ = 0;
};

} // namespace emulator
