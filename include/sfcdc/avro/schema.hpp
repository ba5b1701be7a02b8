// An Avro schema as a flat table of types, whose nodes refer to each other by index. Names are resolved; types may recurse.
// Source: Avro specification 1.12, "Schema Declaration". Attributes that decoding does not need (default, aliases, order,
// logicalType, Salesforce's uuid) are not kept. doc is kept, because it alone tells Salesforce's date, time and date-time
// apart.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sfcdc::inline v0::avro {

// The primitive types come first; each of them is the node of the same number in every schema.
enum class type : std::uint8_t {
    null,
    boolean,
    int_,
    long_,
    float_,
    double_,
    bytes,
    string,
    record,
    enum_,
    array,
    map,
    union_,
    fixed,
};

// Returns the name of a type as schemas spell it ("int", "union"); "unknown" for a number that names none.
constexpr std::string_view to_string(type value) noexcept {
    switch (value) {
    case type::null: return "null";
    case type::boolean: return "boolean";
    case type::int_: return "int";
    case type::long_: return "long";
    case type::float_: return "float";
    case type::double_: return "double";
    case type::bytes: return "bytes";
    case type::string: return "string";
    case type::record: return "record";
    case type::enum_: return "enum";
    case type::array: return "array";
    case type::map: return "map";
    case type::union_: return "union";
    case type::fixed: return "fixed";
    }
    return "unknown";
}

// Immutable once parse_schema() has made it; owns all its text. A default-constructed schema has no nodes.
class schema {
  public:
    // One type of the schema. Nodes refer to each other, to fields and to names by number.
    struct node {
        avro::type type = type::null;
        // Of a record, enum or union the first entry of its table; of an array or map the node of the items; of a fixed
        // type its size in bytes.
        std::uint32_t first = 0;
        std::uint32_t count = 0; // A record, enum or union has so many entries.
        std::uint32_t name = 0;  // A record, enum or fixed type has its full name here.
    };
    // A field of a record; `node` is its type.
    struct field {
        std::string name;
        std::string doc;
        std::uint32_t node = 0;
    };

    // The node of the whole schema. There is none if size() is 0.
    std::uint32_t root() const noexcept { return root_; }
    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(nodes_.size()); }
    // Precondition: the index is below size().
    const node& operator[](std::uint32_t index) const noexcept { return nodes_[index]; }

    // The entries of a node, which must be a record, an enum or a union of this schema.
    std::span<const field> fields(const node& record) const noexcept {
        return {fields_.data() + record.first, record.count};
    }
    std::span<const std::string> symbols(const node& enumeration) const noexcept {
        return {symbols_.data() + enumeration.first, enumeration.count};
    }
    std::span<const std::uint32_t> branches(const node& union_node) const noexcept {
        return {branches_.data() + union_node.first, union_node.count};
    }
    // The namespace and the name of a record, enum or fixed type: "com.sforce.eventbus.Address".
    const std::string& full_name(const node& named) const noexcept { return names_[named.name]; }

  private:
    friend class schema_parser;
    std::vector<node> nodes_;
    std::vector<field> fields_;
    std::vector<std::string> symbols_;
    std::vector<std::uint32_t> branches_;
    std::vector<std::string> names_;
    std::uint32_t root_ = 0;
};

} // namespace sfcdc::inline v0::avro
