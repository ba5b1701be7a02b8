#include "schema_id.hpp"

#include "identifiers.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <set>
#include <stdexcept>

namespace emulator {
namespace {

using nlohmann::ordered_json;

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

std::string full_name(const std::string& name, const std::string& name_space) {
    return name.find('.') != std::string::npos || name_space.empty() ? name : name_space + '.' + name;
}

std::string canonical(const ordered_json& schema, std::string name_space) {
    static const std::set<std::string> primitives{"null",  "boolean", "int",   "long",
                                                  "float", "double",  "bytes", "string"};
    if (schema.is_string()) {
        const auto name = schema.get<std::string>();
        return in_quotes(primitives.contains(name) ? name : full_name(name, name_space));
    }
    const auto list = [](const ordered_json& items, const auto& text_of) {
        std::string joined;
        for (const auto& item : items) joined += (joined.empty() ? "" : ",") + text_of(item);
        return '[' + joined + ']';
    };
    if (schema.is_array()) return list(schema, [&](const auto& branch) { return canonical(branch, name_space); });

    const ordered_json& type = schema.at("type");
    if (!type.is_string() || primitives.contains(type.get<std::string>())) return canonical(type, name_space);
    const auto kind = type.get<std::string>();
    if (kind == "array") return R"({"type":"array","items":)" + canonical(schema.at("items"), name_space) + '}';
    if (kind == "map") return R"({"type":"map","values":)" + canonical(schema.at("values"), name_space) + '}';

    if (schema.contains("namespace")) name_space = schema.at("namespace").get<std::string>();
    const std::string name = full_name(schema.at("name").get<std::string>(), name_space);
    // Names inside belong to the namespace of the enclosing name, wherever that was written.
    if (const auto dot = name.rfind('.'); dot != std::string::npos) name_space = name.substr(0, dot);
    const std::string start = R"({"name":)" + in_quotes(name) + R"(,"type":)" + in_quotes(kind);
    if (kind == "enum") {
        return start + R"(,"symbols":)"
               + list(schema.at("symbols"),
                      [](const auto& symbol) { return in_quotes(symbol.template get<std::string>()); })
               + '}';
    }
    if (kind == "fixed") return start + R"(,"size":)" + std::to_string(schema.at("size").get<std::int64_t>()) + '}';
    if (kind != "record") throw std::invalid_argument("no Avro type is called " + kind);
    return start + R"(,"fields":)"
           + list(schema.at("fields"),
                  [&](const auto& field) {
                      return R"({"name":)" + in_quotes(field.at("name").template get<std::string>()) + R"(,"type":)"
                             + canonical(field.at("type"), name_space) + '}';
                  })
           + '}';
}

} // namespace

std::string schema_id_of(std::string_view schema_json) {
    std::string form;
    try {
        form = canonical(ordered_json::parse(schema_json), "");
    } catch (const nlohmann::json::exception& e) {
        throw std::invalid_argument(std::string("not an Avro schema: ") + e.what());
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(form.data(), form.size(), digest.data(), &length, EVP_md5(), nullptr) != 1)
        throw std::runtime_error("this OpenSSL has no MD5");
    return base64url({reinterpret_cast<const char*>(digest.data()), length});
}

} // namespace emulator
