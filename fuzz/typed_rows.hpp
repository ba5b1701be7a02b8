// What the targets of typed rows share: schemas with a field of each kind, and rows of JSON as values.
#pragma once

#include "fuzz.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fuzz {

// The schema of a change event. The second one lacks fields of the first, has others as another type, and has one more.
inline std::string typed_schema(bool second) {
    std::string header = R"({"type":"record","name":"ThingChangeEvent","namespace":"com.sforce.eventbus","fields":[
        {"name":"ChangeEventHeader","type":{"type":"record","name":"ChangeEventHeader","fields":[{"name":"entityName","type":"string"},
        {"name":"recordIds","type":{"type":"array","items":"string"}},{"name":"changeType","type":{"type":"enum","name":"ChangeType","symbols":[
        "CREATE","UPDATE","DELETE","UNDELETE","GAP_CREATE","GAP_UPDATE","GAP_DELETE","GAP_UNDELETE","GAP_OVERFLOW","SNAPSHOT"]}},
        {"name":"changeOrigin","type":"string"},{"name":"transactionKey","type":"string"},{"name":"sequenceNumber","type":"int"},
        {"name":"commitTimestamp","type":"long"},{"name":"commitNumber","type":"long"},{"name":"commitUser","type":"string"},
        {"name":"nulledFields","type":{"type":"array","items":"string"}},{"name":"diffFields","type":{"type":"array","items":"string"}},
        {"name":"changedFields","type":{"type":"array","items":"string"}}]}})";
    const auto add = [&](const char* name, const char* type, const char* doc) {
        header.append(",{\"name\":\"").append(name).append("\",\"type\":[\"null\",").append(type);
        header.append("],\"doc\":\"Data:").append(doc).append(":00N\"}");
    };
    add("Name", R"("string",{"type":"record","name":"N","fields":[{"name":"FirstName","type":["null","string"]},
        {"name":"LastName","type":["null","string"]}]})",
        "Switchable_PersonName");
    add("BillingAddress", R"({"type":"record","name":"A","fields":[{"name":"City","type":["null","string"]},
        {"name":"Latitude","type":["null","double"]},{"name":"Xyz","type":["null","string"]}]})",
        "Address");
    add("Amount__c", second ? "\"long\"" : "\"double\"", "Currency");
    if (!second) add("Employees", "\"int\"", "Integer");
    add("Active__c", "\"boolean\"", "Boolean");
    add("At__c", "\"long\"", "DateTime");
    add("Day__c", second ? "\"string\"" : "\"long\"", "DateOnly");
    add("Time__c", "\"long\"", "TimeOnly");
    add("Tags__c", "\"string\"", "MultiEnum");
    add("Office__c", R"({"type":"record","name":"O","fields":[{"name":"State","type":["null","string"]},
        {"name":"StateCode","type":["null","string"]}]})",
        "Address");
    if (!second) add("Bytes__c", "\"bytes\"", "Blob");
    add("Pick__c", R"({"type":"enum","name":"P","symbols":["Red","Green"]})", "DynamicEnum");
    add("Map__c", R"({"type":"map","values":"float"})", "Any");
    add("Half__c", "\"float\"", "Double");
    if (second) add("Later__c", "\"string\"", "Text");
    return header + "]}";
}

// A value of a row of JSON: the text of a string or a number, or the items of an array.
struct json_value {
    enum class kind : std::uint8_t { null, boolean, number, string, array };

    kind is = kind::null;
    std::string text; // "true" and "false" of a boolean
    std::vector<std::string> items;

    bool absent() const { return is == kind::null || (is == kind::array && items.empty()); }
};

// Reads a row, which is an object of texts, numbers, booleans, nulls and arrays of texts. Shares no code with include/.
class json_row_reader {
  public:
    using row = std::vector<std::pair<std::string, json_value>>;

    static row read(std::string_view text) {
        json_row_reader r(text);
        row out;
        r.expect('{');
        if (!r.next_is('}')) do {
                std::string name = r.string();
                r.expect(':');
                out.emplace_back(std::move(name), r.value());
            } while (r.next_is(','));
        if (!out.empty()) r.expect('}');
        require(r.rest_.empty());
        return out;
    }

  private:
    explicit json_row_reader(std::string_view text) : rest_(text) {}

    bool next_is(char c) {
        if (rest_.empty() || rest_.front() != c) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char c) { require(next_is(c)); }
    char take() {
        require(!rest_.empty());
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    std::string string() {
        std::string out;
        expect('"');
        for (;;) {
            const char c = take();
            if (c == '"') return out;
            require(static_cast<unsigned char>(c) >= 0x20);
            if (c != '\\') {
                out += c;
                continue;
            }
            switch (const char escaped = take()) {
            case 'n': out += '\n'; break;
            case 't': out += '\t'; break;
            case 'r': out += '\r'; break;
            case 'b': out += '\b'; break;
            case 'f': out += '\f'; break;
            case 'u': {
                unsigned code = 0;
                for (int i = 0; i < 4; ++i) {
                    const char d = take();
                    const bool digit = d >= '0' && d <= '9';
                    require(digit || (d >= 'a' && d <= 'f') || (d >= 'A' && d <= 'F'));
                    code = code * 16 + static_cast<unsigned>(digit ? d - '0' : (d | 0x20) - 'a' + 10);
                }
                require(code < 0x80); // control characters alone are written so
                out += static_cast<char>(code);
                break;
            }
            default: require(escaped == '"' || escaped == '\\' || escaped == '/'); out += escaped;
            }
        }
    }
    json_value value() {
        require(!rest_.empty());
        if (rest_.front() == '"') return {json_value::kind::string, string(), {}};
        if (next_is('[')) {
            json_value out{json_value::kind::array, {}, {}};
            if (next_is(']')) return out;
            do out.items.push_back(string());
            while (next_is(','));
            expect(']');
            return out;
        }
        const std::size_t end = rest_.find_first_of(",}");
        require(end != std::string_view::npos);
        json_value out{json_value::kind::number, std::string(rest_.substr(0, end)), {}};
        rest_.remove_prefix(end);
        if (out.text == "null") return {};
        if (out.text == "true" || out.text == "false") out.is = json_value::kind::boolean;
        return out;
    }

    std::string_view rest_;
};

} // namespace fuzz
