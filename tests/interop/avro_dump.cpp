// What sfcdc reads, in a form that other Avro implementations can be compared with. Standard input, line by line:
//
//     schema JSON     compiles it; prints {"id":...,"canonical":...}
//     datum HEX       decodes a payload of that schema; prints the datum
//
// or prints {"error":...,"offset":...}. Each value stands with its type, ["int",5], because JSON alone would not tell an
// int from a long or a string from an enum symbol; float and double are their bits in hexadecimal.
#include <bit>
#include <cstdio>
#include <iostream>
#include <string>

#include <sfcdc/sfcdc.hpp>

using namespace sfcdc;

namespace {

class printer {
  public:
    explicit printer(std::string& out) : appended_(out), json_(appended_) {}

    void field(std::string_view name, const avro::value& v, bool& first) {
        json_.separate(first);
        json_.raw("["), json_.string(name), json_.raw(","), value(v), json_.raw("]");
    }

    void value(const avro::value& v) {
        switch (v.type()) {
        case avro::type::null: return json_.raw(R"(["null"])");
        case avro::type::boolean: return json_.raw(read<bool>(v) ? R"(["boolean",true])" : R"(["boolean",false])");
        case avro::type::int_: return number(R"(["int",)", read<std::int32_t>(v));
        case avro::type::long_: return number(R"(["long",)", read<std::int64_t>(v));
        case avro::type::float_: return bits("float", std::bit_cast<std::uint32_t>(read<float>(v)));
        case avro::type::double_: return bits("double", std::bit_cast<std::uint64_t>(read<double>(v)));
        case avro::type::bytes: return hex("bytes", read<std::span<const std::byte>>(v));
        case avro::type::fixed: return hex("fixed", read<std::span<const std::byte>>(v));
        case avro::type::string: return text("string", read<std::string_view>(v));
        case avro::type::enum_: return text("enum", read<std::string_view>(v));
        case avro::type::array: {
            bool first = true;
            json_.raw(R"(["array",[)");
            v.for_each_item([&](const avro::value& item) { json_.separate(first), value(item); });
            return json_.raw("]]");
        }
        case avro::type::map: {
            bool first = true;
            json_.raw(R"(["map",[)");
            v.for_each_entry([&](std::string_view key, const avro::value& item) { field(key, item, first); });
            return json_.raw("]]");
        }
        case avro::type::record: {
            bool first = true;
            json_.raw(R"(["record",[)");
            v.for_each_field([&](std::string_view name, const avro::value& member) { field(name, member, first); });
            return json_.raw("]]");
        }
        case avro::type::union_: break; // a value is never one: it has looked through it
        }
        json_.raw(R"(["union"])");
    }

    void raw(std::string_view t) { json_.raw(t); }

  private:
    template<class T> static T read(const avro::value& v) {
        T out{};
        if (!v.read(out)) std::puts("a value is not of its own type");
        return out;
    }
    void number(std::string_view head, std::int64_t v) { json_.raw(head), json_.integer(v), json_.raw("]"); }
    template<class Bits> void bits(const char* type, Bits b) {
        char digits[17];
        std::snprintf(digits, sizeof digits, "%0*llx", static_cast<int>(2 * sizeof b),
                      static_cast<unsigned long long>(b));
        text(type, digits);
    }
    void hex(const char* type, std::span<const std::byte> bytes) {
        std::string digits;
        wire::append_hex(digits, bytes);
        text(type, digits);
    }
    void text(const char* type, std::string_view t) {
        json_.raw("[\""), json_.raw(type), json_.raw("\","), json_.string(t), json_.raw("]");
    }

    wire::appender appended_;
    row::json_writer json_;
};

// By the positions of the event's fields, as a user of cdc::event reads them.
std::string by_fields(const cdc::event& e) {
    std::string out;
    {
        printer p(out);
        bool first = true;
        p.raw(R"(["record",[)");
        for (std::uint32_t i = 0; i < e.plan().field_count(); ++i) p.field(e.plan().name({i}), e.value({i}), first);
        p.raw("]]");
    }
    return out;
}

// As one value of the schema's root, which does not go through the plan.
std::string as_one_value(const avro::schema& s, std::span<const std::byte> payload) {
    std::string out;
    printer(out).value(avro::value(s, s.root(), payload, 0));
    return out;
}

std::string failed(const error& bad) {
    return std::string(R"({"error":")") + bad.message() + R"(","offset":)" + std::to_string(bad.offset) + "}";
}

} // namespace

int main() {
    cdc::plan plan;
    cdc::decoder decoder;
    for (std::string line; std::getline(std::cin, line);) {
        const std::size_t space = line.find(' ');
        const std::string_view what = std::string_view(line).substr(0, space);
        const std::string_view argument = space == std::string::npos ? "" : std::string_view(line).substr(space + 1);
        std::string answer;
        if (what == "schema") {
            auto [compiled, bad] = cdc::compile(argument);
            plan = std::move(compiled);
            if (bad) {
                answer = failed(bad);
            } else {
                wire::appender appended(answer);
                row::json_writer json(appended);
                json.raw(R"({"id":)"), json.string(avro::schema_id(plan.schema()));
                json.raw(R"(,"canonical":)"), json.string(avro::canonical_form(plan.schema())), json.raw("}");
            }
        } else if (what == "datum") {
            const auto [payload, bad_hex] = wire::from_hex(argument);
            if (bad_hex) return std::puts(bad_hex.message()), 1;
            const auto [event, bad] = decoder.decode(plan, wire::as_bytes(payload));
            answer = bad ? failed(bad) : by_fields(event);
            if (!bad && answer != as_one_value(plan.schema(), wire::as_bytes(payload)))
                answer = R"({"error":"the two ways of reading differ"})";
        } else {
            return std::printf("what is \"%s\"?\n", line.c_str()), 2;
        }
        std::cout << answer << '\n';
    }
}
