// Reads one datum by walking its schema as JSON: slow and plain, to check what the emulator's writer wrote.
#pragma once

#include <bit>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

namespace test {

class avro_reader {
  public:
    using json = nlohmann::ordered_json;

    // Throws unless the payload is exactly one datum.
    static json read(const json& schema, const std::string& payload) {
        avro_reader reader(payload);
        json value = reader.value(schema);
        if (reader.at_ != payload.size()) throw std::runtime_error("bytes are left over");
        return value;
    }

  private:
    explicit avro_reader(const std::string& payload) : bytes_(payload) {}

    std::uint8_t byte() {
        if (at_ == bytes_.size()) throw std::runtime_error("the payload ends early");
        return static_cast<std::uint8_t>(bytes_[at_++]);
    }

    std::int64_t number() {
        std::uint64_t bits = 0;
        for (int shift = 0;; shift += 7) {
            const std::uint8_t next = byte();
            bits |= std::uint64_t{next & 0x7fu} << shift;
            if (next < 0x80) break;
        }
        return static_cast<std::int64_t>(bits >> 1) ^ -static_cast<std::int64_t>(bits & 1);
    }

    json value(const json& type) {
        if (type.is_array()) return value(type.at(static_cast<std::size_t>(number())));
        if (type.is_object()) {
            const std::string kind = type.at("type");
            if (kind == "enum") return type.at("symbols").at(static_cast<std::size_t>(number()));
            if (kind == "array") {
                json items = json::array();
                for (std::int64_t count; (count = number()) != 0;)
                    for (; count > 0; --count) items.push_back(value(type.at("items")));
                return items;
            }
            named_[type.at("name")] = &type;
            json fields = json::object();
            for (const auto& field : type.at("fields")) {
                define(field.at("type"));
                fields[field.at("name").get<std::string>()] = value(field.at("type"));
            }
            return fields;
        }
        const std::string name = type;
        if (name == "null") return nullptr;
        if (name == "boolean") return byte() != 0;
        if (name == "int" || name == "long") return number();
        if (name == "double") {
            std::uint64_t bits = 0;
            for (int shift = 0; shift < 64; shift += 8) bits |= std::uint64_t{byte()} << shift;
            return std::bit_cast<double>(bits);
        }
        if (name == "string") {
            std::string text;
            for (std::int64_t left = number(); left > 0; --left) text += static_cast<char>(byte());
            return text;
        }
        return value(*named_.at(name));
    }

    // A record may be used by name before a value of it was ever read.
    void define(const json& type) {
        if (type.is_object() && type.contains("name")) named_[type.at("name")] = &type;
        if (type.is_array())
            for (const auto& branch : type) define(branch);
    }

    const std::string& bytes_;
    std::size_t at_ = 0;
    std::map<std::string, const json*> named_;
};

} // namespace test
