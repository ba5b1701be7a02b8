// Names of topics and tables: which ones Salesforce, Zerobus and SQLite take, and what people write for them.
#pragma once

#include <string>
#include <string_view>

namespace sfcdc::runner {

// Whether this is one or more ASCII letters, digits and underscores.
bool is_word(std::string_view text);
// Neither Delta nor SQLite tells names apart by the case of ASCII letters.
std::string in_small_letters(std::string name);

// Whether a name is one of those that the pattern stands for: "*" in it is any number of characters, dots included. Salesforce does not
// tell names of objects and fields apart by the case of ASCII letters, and neither does this.
bool matches(std::string_view pattern, std::string_view name);

// A topic as Salesforce spells it, or what is wrong with what was written.
struct topic_name {
    std::string name;
    std::string bad; // for a message; empty: nothing
};
// What people write for a topic is understood: an object (Account, Invoice__c), its event (AccountChangeEvent,
// Invoice__cChangeEvent) and a platform event (Order__e), with the folder or without. So are patterns with "*" behind a folder.
topic_name topic_of(std::string_view written);

// The object that an event's name is about: of "Invoice__ChangeEvent" it is "Invoice__c". Empty for a name of another form.
std::string entity_of_change_event(std::string_view event);

// Whether Zerobus takes this as "catalog.schema.table".
bool is_zerobus_table(std::string_view text);
// Whether SQLite or sfcdc itself keeps this name of a table for itself.
bool is_taken_in_sqlite(std::string_view table);

// A table's name may follow the event's entityName: "{entity}" in it stands for that.
inline bool has_entity(std::string_view table) noexcept { return table.find("{entity}") != table.npos; }
std::string table_of(std::string_view table, std::string_view entity);
// Whether an entity, whose name is a peer's text, may have such a table.
bool may_have_table(std::string_view table, std::string_view entity, bool in_sqlite);

} // namespace sfcdc::runner
