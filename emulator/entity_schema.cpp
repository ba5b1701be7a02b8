#include "entity_schema.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <stdexcept>
#include <utility>

namespace emulator {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view standard_fields = R"(
OwnerId string ForeignKey:EntityId
CreatedDate long CreatedDate:DateTime
CreatedById string CreatedBy:EntityId
LastModifiedDate long Data:DateTime
LastModifiedById string ForeignKey:EntityId
BillingAddress Address Data:Address
NumberOfEmployees int Data:Integer
)";

// Each kind of field that change events have, once or more. "Depot__c" is a custom address: two of its components have no column.
constexpr std::string_view custom_fields_of_all = R"(
Text__c string Data:Text
Notes__c string Data:StringPlusClob
Html__c string Data:HtmlStringPlusClob
Status__c string Data:DynamicEnum
Tier__c string Data:StaticEnum
Tags__c string Data:MultiEnum
Mail__c string Data:Email
Line__c string Data:Phone
Link__c string Data:Url
Secret__c string Data:EncryptedText
Parent__c string ForeignKey:EntityId
Outer__c string ExternalForeignKey:ExternalId
Amount__c double Data:Currency
Share__c double Data:Percent
Seats__c double Data:Double
Floors__c int Data:Integer
Active__c boolean Data:Boolean
Seen__c long Data:DateTime
Due__c long Data:DateOnly
Opens__c long Data:TimeOnly
Place__c Location Data:Location
Depot__c Address Data:Address
)";

struct field_kind {
    std::string_view name, type, doc;
};
constexpr std::array field_kinds{field_kind{"Text"sv, "string"sv, "Data:Text"sv},
                                 field_kind{"StringPlusClob"sv, "string"sv, "Data:StringPlusClob"sv},
                                 field_kind{"DynamicEnum"sv, "string"sv, "Data:DynamicEnum"sv},
                                 field_kind{"MultiEnum"sv, "string"sv, "Data:MultiEnum"sv},
                                 field_kind{"Email"sv, "string"sv, "Data:Email"sv},
                                 field_kind{"EntityId"sv, "string"sv, "ForeignKey:EntityId"sv},
                                 field_kind{"Double"sv, "double"sv, "Data:Double"sv},
                                 field_kind{"Currency"sv, "double"sv, "Data:Currency"sv},
                                 field_kind{"Percent"sv, "double"sv, "Data:Percent"sv},
                                 field_kind{"Integer"sv, "int"sv, "Data:Integer"sv},
                                 field_kind{"Boolean"sv, "boolean"sv, "Data:Boolean"sv},
                                 field_kind{"DateTime"sv, "long"sv, "Data:DateTime"sv},
                                 field_kind{"DateOnly"sv, "long"sv, "Data:DateOnly"sv},
                                 field_kind{"TimeOnly"sv, "long"sv, "Data:TimeOnly"sv},
                                 field_kind{"Location"sv, "Location"sv, "Data:Location"sv},
                                 field_kind{"Address"sv, "Address"sv, "Data:Address"sv}};

constexpr std::array change_words{
    std::pair{"add", schema_change_kind::add_field}, std::pair{"remove", schema_change_kind::remove_field},
    std::pair{"type", schema_change_kind::change_type}, std::pair{"earlier", schema_change_kind::earlier_schema}};

const field_kind& kind_named(const std::string& type) {
    for (const field_kind& one : field_kinds)
        if (one.name == type) return one;
    throw std::invalid_argument("There is no type of fields called \"" + type + "\".");
}

field_shape field_of(const std::string& name, const field_kind& kind, const std::string& id) {
    return fields_from(name + " " + std::string(kind.type) + " " + std::string(kind.doc) + ":" + id).front();
}

std::string padded(std::size_t number, std::size_t digits) {
    std::string text = std::to_string(number);
    return std::string(digits - std::min(digits, text.size()), '0') + text;
}

bool same_name(std::string_view a, std::string_view b) {
    const auto small = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return small(x) == small(y); });
}

} // namespace

schema_change_kind schema_change_named(const std::string& word) {
    for (const auto& [text, kind] : change_words)
        if (word == text) return kind;
    throw std::invalid_argument("There is no change of a schema called \"" + word + "\".");
}

const char* name_of(schema_change_kind kind) {
    for (const auto& [text, known] : change_words)
        if (known == kind) return text;
    return "";
}

std::string component_name(std::string_view compound_field, std::string_view child) {
    std::string name(compound_field);
    if (name == "Name" || name == "Address") return std::string(child);
    if (name.ends_with("__c")) {
        // Custom addresses have the codes of states and countries only.
        if (child == "State" || child == "Country") return {};
        return name.substr(0, name.size() - 3) + "__" + std::string(child) + "__s";
    }
    if (name.ends_with("Address")) name.resize(name.size() - 7);
    return name + std::string(child);
}

entity_schema::entity_schema(std::size_t number, dice& from) : number_(number) {
    // Every fourth entity is a person: its name is a record of parts.
    std::vector<field_shape> fields =
        fields_from(number % 4 == 3 ? "Name PersonName Data:PersonName" : "Name string Data:Text");
    for (field_shape& one : fields_from(standard_fields)) fields.push_back(std::move(one));
    std::vector<field_shape> custom = fields_from(custom_fields_of_all);
    for (std::size_t left = custom.size(); left > 1; --left)
        std::swap(custom[left - 1], custom[static_cast<std::size_t>(from.below(left))]);
    for (field_shape& one : custom) {
        one.doc += ":" + next_field_id();
        fields.push_back(std::move(one));
    }
    replace_by(std::move(fields));
}

std::string entity_schema::next_field_id() { return "00NEm0" + padded(number_, 4) + padded(++fields_made_, 5); }

std::size_t entity_schema::column_number(const std::string& name) {
    std::string key = name;
    for (char& c : key) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto [found, is_new] = column_numbers_.emplace(std::move(key), columns_.size());
    if (is_new) columns_.push_back(name);
    return found->second;
}

std::vector<field_shape> entity_schema::body() const {
    const std::vector<field_shape>& all = current().schema.fields;
    return {all.begin() + 1, all.end()};
}

std::vector<std::size_t> entity_schema::custom_fields(bool simple_only) const {
    std::vector<std::size_t> found;
    const std::vector<field_shape> fields = body();
    for (std::size_t i = 0; i < fields.size(); ++i)
        if (fields[i].name.ends_with("__c") && !(simple_only && fields[i].compound)) found.push_back(i);
    return found;
}

std::size_t entity_schema::custom_field_named(const std::string& name) const {
    const std::vector<field_shape> fields = body();
    for (const std::size_t i : custom_fields(false))
        if (same_name(fields[i].name, name)) return i;
    throw std::invalid_argument(entity() + " has no custom field called \"" + name + "\".");
}

// Docs do not count in a schema id: the schema that an id stands for is the first one that had it.
void entity_schema::replace_by(std::vector<field_shape> fields) {
    const std::string stem = "Entity" + padded(number_, 2) + "__";
    schema_version made{make_change_event_schema(stem + "ChangeEvent", stem + "c", std::move(fields)), {}, {0}};
    std::size_t version = 0;
    while (version < versions_.size() && versions_[version].schema.id != made.schema.id) ++version;
    if (version == versions_.size()) {
        for (std::size_t position = 1; position < made.schema.fields.size(); ++position) {
            const field_shape& field = made.schema.fields[position];
            made.first_leaves.push_back(made.leaves.size());
            if (!field.compound)
                made.leaves.push_back(
                    {{position}, field.name, field.name, column_number(field.name), field.type, field.doc});
            for (std::size_t child = 0; field.compound && child < field.compound->fields.size(); ++child) {
                const field_shape& part = field.compound->fields[child];
                const std::string dotted = field.name + "." + part.name;
                const std::string column = component_name(field.name, part.name);
                made.leaves.push_back({{position, child},
                                       dotted,
                                       column,
                                       column_number(column.empty() ? dotted : column),
                                       part.type,
                                       {}});
            }
        }
        made.first_leaves.push_back(made.leaves.size());
        versions_.push_back(std::move(made));
    }
    if (versions_.size() > 1) replaced_ = current_;
    current_ = version;
}

schema_change entity_schema::change(schema_change wanted, dice& from) {
    const bool random = wanted.field.empty();
    std::vector<field_shape> fields = body();
    constexpr std::size_t custom_fields_kept = 6;
    if (random) {
        // What cannot be done now gives way to a new field.
        const bool possible =
            wanted.kind == schema_change_kind::add_field
            || (wanted.kind == schema_change_kind::remove_field && custom_fields(false).size() > custom_fields_kept)
            || (wanted.kind == schema_change_kind::change_type && !custom_fields(true).empty())
            || (wanted.kind == schema_change_kind::earlier_schema && versions_.size() > 1);
        if (!possible) wanted.kind = schema_change_kind::add_field;
    }
    switch (wanted.kind) {
    case schema_change_kind::add_field: {
        if (random) {
            do wanted.field = "Added" + std::to_string(++fields_added_) + "__c";
            while (column_numbers_.contains("added" + std::to_string(fields_added_) + "__c"));
        } else if (!wanted.field.ends_with("__c")) {
            throw std::invalid_argument("The name of a custom field ends with __c.");
        }
        for (const field_shape& one : fields)
            if (same_name(one.name, wanted.field))
                throw std::invalid_argument(entity() + " has a field called \"" + wanted.field + "\" already.");
        const field_kind& kind = wanted.type.empty() ? from.pick(field_kinds) : kind_named(wanted.type);
        wanted.type = kind.name;
        // It comes in front of a custom field or last, so that the positions of others move.
        const std::size_t first = fields.size() - custom_fields(false).size();
        const std::size_t at = first + static_cast<std::size_t>(from.below(fields.size() - first + 1));
        fields.insert(fields.begin() + static_cast<std::ptrdiff_t>(at),
                      field_of(wanted.field, kind, next_field_id()));
        break;
    }
    case schema_change_kind::remove_field: {
        const std::size_t at = random ? from.pick(custom_fields(false)) : custom_field_named(wanted.field);
        wanted.field = fields[at].name;
        fields.erase(fields.begin() + static_cast<std::ptrdiff_t>(at));
        break;
    }
    case schema_change_kind::change_type: {
        const std::size_t at = random ? from.pick(custom_fields(true)) : custom_field_named(wanted.field);
        field_shape& field = fields[at];
        const field_kind* kind = wanted.type.empty() ? &from.pick(field_kinds) : &kind_named(wanted.type);
        while (wanted.type.empty() && (kind->type == field.type || std::isupper(kind->type.front())))
            kind = &from.pick(field_kinds);
        if (kind->type == field.type)
            throw std::invalid_argument("The schema would stay the same: \"" + field.name
                                        + "\" is of that Avro type.");
        wanted.field = field.name;
        wanted.type = kind->name;
        field = field_of(field.name, *kind, field.doc.substr(field.doc.rfind(':') + 1));
        break;
    }
    case schema_change_kind::earlier_schema: {
        if (!random) throw std::invalid_argument("An earlier schema is not chosen by a field.");
        std::size_t version = static_cast<std::size_t>(from.below(versions_.size() - 1));
        if (version >= current_) ++version;
        replaced_ = std::exchange(current_, version);
        return wanted;
    }
    }
    replace_by(std::move(fields));
    return wanted;
}

} // namespace emulator
