// Salesforce's schema_id: base64url without padding of the MD5 of the schema's Parsing Canonical Form (22 characters).
// With it a fetched schema is verified, and a store of .avsc files needs no RPC. doc and default do not count, so the
// same id can come with other docs.
// Source: Avro specification 1.12, "Parsing Canonical Form for Schemas"; checked on ids that Salesforce sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/avro/md5.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/schema_names.hpp>
#include <sfcdc/wire/base64.hpp>

namespace sfcdc::inline v0::avro {

namespace detail {

// Writes types in Parsing Canonical Form. A named type is written out where it first stands and by its name afterwards.
class canonical_writer {
  public:
    canonical_writer(const schema& s, std::string& out) : schema_(s), out_(out), written_(s.size()) {}

    void append(std::uint32_t index) {
        const schema::node& n = schema_[index];
        if (n.type <= type::string) return append_quoted(primitive_names[static_cast<std::size_t>(n.type)]);
        switch (n.type) {
        case type::array: return append_container(R"({"type":"array","items":)", n);
        case type::map: return append_container(R"({"type":"map","values":)", n);
        case type::union_: return append_union(n);
        default: break;
        }
        const std::string& name = schema_.full_name(n);
        if (written_[index]) return append_quoted(name);
        written_[index] = true;
        out_.append(R"({"name":)");
        append_quoted(name);
        append_attributes(n);
        out_.push_back('}');
    }

  private:
    void append_quoted(std::string_view text) {
        out_.push_back('"');
        out_.append(text);
        out_.push_back('"');
    }
    void append_container(std::string_view head, const schema::node& n) {
        out_.append(head);
        append(n.first);
        out_.push_back('}');
    }
    void append_union(const schema::node& n) {
        append_list(schema_.branches(n), [&](std::uint32_t branch) { append(branch); });
    }
    // Of a type that has a name, what stands behind it.
    void append_attributes(const schema::node& n) {
        switch (n.type) {
        case type::fixed:
            out_.append(R"(,"type":"fixed","size":)");
            out_.append(std::to_string(n.first));
            return;
        case type::enum_:
            out_.append(R"(,"type":"enum","symbols":)");
            append_list(schema_.symbols(n), [&](const std::string& symbol) { append_quoted(symbol); });
            return;
        default:
            out_.append(R"(,"type":"record","fields":)");
            append_list(schema_.fields(n), [&](const schema::field& f) { append_field(f); });
            return;
        }
    }
    void append_field(const schema::field& f) {
        out_.append(R"({"name":)");
        append_quoted(f.name);
        out_.append(R"(,"type":)");
        append(f.node);
        out_.push_back('}');
    }
    template<class T, class Append> void append_list(std::span<T> items, Append append_item) {
        char before = '[';
        for (const auto& item : items) {
            out_.push_back(before);
            append_item(item);
            before = ',';
        }
        if (items.empty()) out_.push_back('[');
        out_.push_back(']');
    }

    const schema& schema_;
    std::string& out_;
    std::vector<bool> written_;
};

} // namespace detail

// Precondition of both: the schema was parsed without an error.
inline std::string canonical_form(const schema& s) {
    std::string out;
    detail::canonical_writer(s, out).append(s.root());
    return out;
}

// Returns the id that Salesforce gives a schema: the MD5 digest of its canonical form in the url alphabet of base64,
// without padding.
inline std::string schema_id(const schema& s) {
    const auto digest = detail::md5(canonical_form(s));
    std::string id;
    wire::append_base64(id, digest, wire::base64_alphabet::url);
    return id;
}

} // namespace sfcdc::inline v0::avro
