// A second Avro decoder: a tree of types, a tree of values, exceptions. Slow and plain; shares no code with include/.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace reference {

using json = nlohmann::ordered_json;

struct avro_type {
    std::string kind; // a primitive's name, or record, enum, array, map, union, fixed
    std::string full_name;
    std::vector<std::pair<std::string, avro_type*>> fields; // record
    std::vector<std::string> symbols;                       // enum
    std::vector<avro_type*> branches;                       // union
    avro_type* items = nullptr;                             // array, map
    std::size_t size = 0;                                   // fixed
};

// Owns its types: they refer to one another, in circles too.
class avro_schema {
  public:
    explicit avro_schema(const json& schema) { root_ = type_of(schema, ""); }
    const avro_type& root() const { return *root_; }

  private:
    avro_type* make(const std::string& kind) {
        types_.push_back(std::make_unique<avro_type>());
        types_.back()->kind = kind;
        return types_.back().get();
    }
    avro_type* type_of(const json& j, const std::string& space) {
        if (j.is_string()) {
            const auto name = j.get<std::string>();
            for (const char* p : {"null", "boolean", "int", "long", "float", "double", "bytes", "string"})
                if (name == p) return make(name);
            if (name.find('.') == std::string::npos && !space.empty() && named_.count(space + "." + name) != 0)
                return named_.at(space + "." + name);
            return named_.at(name);
        }
        if (j.is_array()) {
            avro_type* t = make("union");
            for (const json& b : j) t->branches.push_back(type_of(b, space));
            return t;
        }
        if (!j.at("type").is_string()) return type_of(j.at("type"), space);
        const auto kind = j.at("type").get<std::string>();
        if (kind == "array" || kind == "map") {
            avro_type* t = make(kind);
            t->items = type_of(j.at(kind == "array" ? "items" : "values"), space);
            return t;
        }
        if (kind != "record" && kind != "enum" && kind != "fixed") return type_of(j.at("type"), space);
        avro_type* t = make(kind);
        const std::string own = j.contains("namespace") ? j.at("namespace").get<std::string>() : space;
        const auto name = j.at("name").get<std::string>();
        t->full_name = own.empty() || name.find('.') != std::string::npos ? name : own + "." + name;
        named_[t->full_name] = t;
        const std::size_t dot = t->full_name.rfind('.');
        const std::string inner = dot == std::string::npos ? "" : t->full_name.substr(0, dot);
        if (kind == "record")
            for (const json& f : j.at("fields"))
                t->fields.emplace_back(f.at("name").get<std::string>(), type_of(f.at("type"), inner));
        if (kind == "enum") t->symbols = j.at("symbols").get<std::vector<std::string>>();
        if (kind == "fixed") t->size = j.at("size").get<std::size_t>();
        return t;
    }

    std::vector<std::unique_ptr<avro_type>> types_;
    std::map<std::string, avro_type*> named_;
    avro_type* root_ = nullptr;
};

struct avro_value {
    std::string kind; // of the type, unions looked through
    bool truth = false;
    std::int64_t integer = 0;
    float float32 = 0;
    double float64 = 0;
    std::string text;               // string, enum symbol, bytes, fixed
    std::vector<avro_value> items;  // array, map, record
    std::vector<std::string> names; // map, record: of each item
};

struct malformed : std::runtime_error {
    using std::runtime_error::runtime_error;
};
// The reference gives up: the data may be well formed, but it would take too long or too deep a stack to find out.
struct too_much : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class avro_decoder {
  public:
    explicit avro_decoder(std::string_view bytes) : bytes_(bytes) {}

    // The whole of the bytes as one value.
    avro_value decode(const avro_type& type) {
        avro_value v = value(type, 0);
        if (at_ != bytes_.size()) throw malformed("trailing bytes");
        return v;
    }

  private:
    unsigned byte() {
        if (at_ == bytes_.size()) throw malformed("end");
        return static_cast<unsigned char>(bytes_[at_++]);
    }
    std::string take(std::uint64_t length) {
        if (length > bytes_.size() - at_) throw malformed("length");
        const auto n = static_cast<std::size_t>(length);
        at_ += n;
        return std::string(bytes_.substr(at_ - n, n));
    }
    std::int64_t integer() {
        std::uint64_t v = 0;
        for (unsigned i = 0;; ++i) {
            const std::uint64_t b = byte();
            if (i == 9 && b > 1) throw malformed("varint");
            for (unsigned bit = 0; bit < 7; ++bit)
                if ((b >> bit & 1) != 0) v |= std::uint64_t{1} << (7 * i + bit);
            if (b < 128) break;
        }
        return v % 2 == 0 ? static_cast<std::int64_t>(v / 2) : -static_cast<std::int64_t>(v / 2) - 1;
    }
    std::string counted() {
        const std::int64_t n = integer();
        if (n < 0) throw malformed("negative length");
        return take(static_cast<std::uint64_t>(n));
    }
    template<class T, class Word> T real() {
        Word w = 0;
        for (std::size_t i = 0; i < sizeof(Word); ++i) w |= static_cast<Word>(static_cast<Word>(byte()) << (8 * i));
        T out = 0;
        std::memcpy(&out, &w, sizeof(T));
        return out;
    }
    std::size_t index(std::size_t count) {
        const std::int64_t i = integer();
        if (i < 0 || static_cast<std::uint64_t>(i) >= count) throw malformed("index");
        return static_cast<std::size_t>(i);
    }

    avro_value value(const avro_type& t, int depth) {
        if (depth > 60 || ++steps_ > 20'000) throw too_much("depth or size");
        avro_value v;
        v.kind = t.kind;
        if (t.kind == "boolean") {
            const unsigned b = byte();
            if (b > 1) throw malformed("boolean");
            v.truth = b == 1;
        } else if (t.kind == "int" || t.kind == "long") {
            v.integer = integer();
            if (t.kind == "int" && (v.integer < -2147483648LL || v.integer > 2147483647LL)) throw malformed("int");
        } else if (t.kind == "float") {
            v.float32 = real<float, std::uint32_t>();
        } else if (t.kind == "double") {
            v.float64 = real<double, std::uint64_t>();
        } else if (t.kind == "bytes" || t.kind == "string") {
            v.text = counted();
        } else if (t.kind == "fixed") {
            v.text = take(t.size);
        } else if (t.kind == "enum") {
            v.text = t.symbols[index(t.symbols.size())];
        } else if (t.kind == "union") {
            return value(*t.branches[index(t.branches.size())], depth + 1);
        } else if (t.kind == "record") {
            for (const auto& [name, type] : t.fields) {
                v.names.push_back(name);
                v.items.push_back(value(*type, depth + 1));
            }
        } else if (t.kind == "array" || t.kind == "map") {
            for (std::int64_t count = integer(); count != 0; count = integer()) {
                std::uint64_t items = static_cast<std::uint64_t>(count);
                if (count < 0) {
                    items = 0 - items;
                    const std::int64_t size = integer();
                    if (size < 0 || static_cast<std::uint64_t>(size) > bytes_.size() - at_)
                        throw malformed("block size");
                }
                for (std::uint64_t i = 0; i < items; ++i) {
                    if (t.kind == "map") v.names.push_back(counted());
                    v.items.push_back(value(*t.items, depth + 1));
                }
            }
        }
        return v;
    }

    std::string_view bytes_;
    std::size_t at_ = 0;
    int steps_ = 0;
};

} // namespace reference
