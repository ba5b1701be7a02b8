// Random schemas of all Avro types with random data, decoded by sfcdc and by the reference: both say the same, of good
// data and of damaged data.
#include "catch.hpp"
#include "exact_bytes.hpp"
#include "golden/golden.hpp"
#include "reference/avro.hpp"
#include "reference/avro_writer.hpp"
#include "reference/json_match.hpp"

#include <map>
#include <random>

#include <sfcdc/sfcdc.hpp>

using namespace sfcdc;
using reference::json;

namespace {

class dice {
  public:
    explicit dice(std::uint64_t seed) : random_(seed) {}
    std::size_t below(std::uint64_t n) { return static_cast<std::size_t>(random_() % n); }
    bool one_in(std::uint64_t n) { return below(n) == 0; }
    std::uint64_t bits() { return random_(); }

  private:
    std::mt19937_64 random_;
};

// A schema as JSON. Named types are declared once and used by name, by full name, from other namespaces, in circles.
class schema_writer {
  public:
    explicit schema_writer(dice& d) : dice_(d) {}

    json event() {
        json r = record("", 0);
        return r;
    }

  private:
    std::string fresh(const char* prefix) { return prefix + std::to_string(++count_); }

    const char* primitive_but_null() {
        static const char* const primitives[] = {"boolean", "int", "long", "float", "double", "bytes", "string"};
        return primitives[dice_.below(7)];
    }

    json type(const std::string& space, int depth) {
        static const char* const primitives[] = {"null",  "boolean", "int",   "long",
                                                 "float", "double",  "bytes", "string"};
        const std::uint64_t pick = dice_.below(depth > 4 ? 8 : 18);
        if (pick < 8) return dice_.one_in(4) ? json{{"type", primitives[pick]}} : json(primitives[pick]);
        if (pick < 11) return a_union(space, depth);
        if (pick == 11 || pick == 12) return json{{"type", "array"}, {"items", type(space, depth + 1)}};
        if (pick == 13) return json{{"type", "map"}, {"values", type(space, depth + 1)}};
        if (pick == 14 && !named_.empty()) return by_name(space);
        if (pick == 15) {
            json e = declare("enum", "E", space).first;
            e["symbols"] = json::array();
            for (std::uint64_t i = 0, n = 1 + dice_.below(70); i < n; ++i)
                e["symbols"].push_back("S" + std::to_string(i));
            return e;
        }
        if (pick == 16) {
            json f = declare("fixed", "F", space).first;
            f["size"] = dice_.below(20);
            return f;
        }
        return record(space, depth + 1);
    }

    // The JSON of a new named type, and the namespace inside it.
    std::pair<json, std::string> declare(const char* kind, const char* prefix, const std::string& space) {
        json t{{"type", kind}};
        const std::string name = fresh(prefix);
        std::string own = space;
        switch (dice_.below(5)) {
        case 0: t["namespace"] = own = "n" + std::to_string(dice_.below(3)); break;
        case 1: t["namespace"] = own = ""; break;
        case 2:
            t["namespace"] = "not.used";
            t["name"] = (own = "a.b") + "." + name;
            break;
        default: break;
        }
        if (!t.contains("name")) t["name"] = name;
        named_.push_back({own.empty() ? name : own + "." + name, kind});
        return {t, own};
    }

    json by_name(const std::string& space) {
        const std::string& full = named_[dice_.below(named_.size())].first;
        const std::string prefix = space + ".";
        if (!space.empty() && full.rfind(prefix, 0) == 0 && full.find('.', prefix.size()) == std::string::npos
            && dice_.one_in(2))
            return full.substr(prefix.size());
        return full;
    }

    json record(const std::string& space, int depth) {
        auto [r, own] = declare("record", "R", space);
        r["fields"] = json::array();
        const std::uint64_t fields = depth == 0 ? 1 + dice_.below(12) : dice_.below(6);
        for (std::uint64_t i = 0; i < fields; ++i) {
            json t = type(own, depth);
            r["fields"].push_back({{"name", "f" + std::to_string(i)}, {"type", t}});
            // A run of optional fields: what real events are made of.
            if (dice_.one_in(4))
                for (std::uint64_t k = 0, n = dice_.below(30); k < n; ++k)
                    r["fields"].push_back({{"name", "o" + std::to_string(i) + "_" + std::to_string(k)},
                                           {"type", {"null", primitive_but_null()}}});
        }
        return r;
    }

    json a_union(const std::string& space, int depth) {
        json u = json::array();
        std::map<std::string, bool> taken;
        for (std::uint64_t i = 0, n = 1 + dice_.below(4); i < n; ++i) {
            const std::size_t known = named_.size();
            json b = i == 0 && dice_.one_in(2) ? json("null") : type(space, depth + 1);
            while (b.is_object() && !b.at("type").is_string()) b = b.at("type");
            if (fits(b, taken))
                u.push_back(b);
            else
                named_.resize(known); // what the branch declared is gone with it
        }
        if (u.empty()) u.push_back("null");
        return u;
    }

    // One of each primitive and container in a union, no union, and no type twice, once declared and once by name.
    static bool fits(const json& b, std::map<std::string, bool>& taken) {
        if (b.is_array()) return false;
        const std::string kind = b.is_string() ? b.get<std::string>() : b.at("type").get<std::string>();
        const bool declared = b.is_object() && (kind == "record" || kind == "enum" || kind == "fixed");
        const bool by_name = b.is_string() && kind.find_first_of("RFE") != std::string::npos;
        if (declared) return taken["declared"] = !taken["by name"];
        if (by_name && (taken["declared"] || taken["by name"])) return false;
        return !std::exchange(taken[by_name ? "by name" : kind], true);
    }

    dice& dice_;
    int count_ = 0;
    std::vector<std::pair<std::string, std::string>> named_;
};

class data_writer {
  public:
    data_writer(dice& d, reference::avro_writer& out) : dice_(d), out_(out) {}

    void write(const reference::avro_type& t, int depth = 0) {
        if (depth > 40) throw reference::too_much("a type without an end");
        if (t.kind == "boolean")
            out_.byte(static_cast<unsigned>(dice_.below(2)));
        else if (t.kind == "int")
            out_.integer(
                static_cast<std::int32_t>(static_cast<std::uint32_t>(dice_.bits() >> 32) >> dice_.below(32)));
        else if (t.kind == "long")
            out_.integer(static_cast<std::int64_t>(dice_.bits() >> dice_.below(64)) * (dice_.one_in(2) ? 1 : -1));
        else if (t.kind == "float")
            out_.float32(real<float, std::uint32_t>());
        else if (t.kind == "double")
            out_.float64(real<double, std::uint64_t>());
        else if (t.kind == "bytes" || t.kind == "string")
            text(t.kind == "string");
        else if (t.kind == "fixed")
            for (std::size_t i = 0; i < t.size; ++i) out_.byte(static_cast<unsigned>(dice_.below(256)));
        else if (t.kind == "enum")
            out_.integer(static_cast<std::int64_t>(dice_.below(t.symbols.size())));
        else if (t.kind == "union")
            a_union(t, depth);
        else if (t.kind == "record")
            for (const auto& f : t.fields) write(*f.second, depth + 1);
        else if (t.kind == "array" || t.kind == "map")
            blocks(t, depth);
    }

  private:
    template<class T, class Word> T real() {
        const T special[] = {T(0),
                             -T(0),
                             std::numeric_limits<T>::quiet_NaN(),
                             std::numeric_limits<T>::infinity(),
                             -std::numeric_limits<T>::infinity(),
                             std::numeric_limits<T>::max(),
                             std::numeric_limits<T>::denorm_min(),
                             std::numeric_limits<T>::min(),
                             T(0.1),
                             T(1e21),
                             T(123456789)};
        if (dice_.one_in(2)) return special[dice_.below(std::size(special))];
        const Word w = static_cast<Word>(dice_.bits());
        T out = 0;
        std::memcpy(&out, &w, sizeof(T));
        return out;
    }
    void text(bool characters) {
        std::string s;
        for (std::uint64_t i = 0, n = dice_.one_in(20) ? dice_.below(300) : dice_.below(9); i < n; ++i) {
            const std::uint64_t kind = dice_.below(12);
            if (!characters || kind == 0)
                s.push_back(static_cast<char>(dice_.bits())); // often not UTF-8
            else if (kind < 3)
                s += reference::utf8(static_cast<std::uint32_t>(dice_.below(0xd800)));
            else if (kind == 3)
                s += reference::utf8(0x10000 + static_cast<std::uint32_t>(dice_.below(0x100000)));
            else
                s.push_back(static_cast<char>(dice_.below(128)));
        }
        out_.text(s);
    }
    void a_union(const reference::avro_type& t, int depth) {
        std::size_t branch = dice_.below(t.branches.size());
        if (depth > 6) // towards an end
            for (std::size_t i = 0; i < t.branches.size(); ++i)
                if (t.branches[i]->kind == "null") branch = i;
        out_.integer(static_cast<std::int64_t>(branch));
        write(*t.branches[branch], depth + 1);
    }
    void blocks(const reference::avro_type& t, int depth) {
        for (std::uint64_t b = 0, n = depth > 5 ? 0 : dice_.below(3); b < n; ++b) {
            const auto items = static_cast<std::int64_t>(1 + dice_.below(4));
            reference::avro_writer inner;
            data_writer block(dice_, inner);
            for (std::int64_t i = 0; i < items; ++i) {
                if (t.kind == "map") block.text(true);
                block.write(*t.items, depth + 1);
            }
            if (dice_.one_in(2))
                out_.integer(items);
            else
                out_.integer(-items).integer(static_cast<std::int64_t>(inner.size()));
            out_.raw(inner.bytes());
        }
        out_.integer(0);
    }

    dice& dice_;
    reference::avro_writer& out_;
};

enum class verdict { same, refused_by_both, given_up };

// The whole datum through the positions of its top-level fields alone.
std::string top_level_json(const cdc::event& e) {
    std::string out = "{";
    {
        wire::appender appended(out);
        row::json_writer json(appended);
        bool first = true;
        for (std::uint32_t i = 0; i < e.plan().field_count(); ++i) {
            json.key(e.plan().name({i}), first);
            json.value(e.value({i}));
        }
    }
    return out + "}";
}

// Both on the same bytes. Fails the test where they disagree.
verdict compare(const cdc::plan& plan, const reference::avro_type& type, std::string_view bytes,
                cdc::decoder& decoder) {
    const exact_bytes payload(bytes);
    const auto [event, bad] = decoder.decode(plan, payload.span());
    if (bad && bad.offset > bytes.size()) REQUIRE(bad.offset <= bytes.size());
    reference::avro_value expected;
    try {
        expected = reference::avro_decoder(bytes).decode(type);
    } catch (const reference::malformed& e) {
        if (!bad) {
            INFO("the reference: " << e.what());
            REQUIRE(bad);
        }
        return verdict::refused_by_both;
    } catch (const reference::too_much&) {
        return verdict::given_up;
    }
    if (bad.code == errc::datum_too_deep || bad.code == errc::too_many_empty_items) return verdict::given_up;
    // The reference knows nothing of bitmaps.
    if (bad.code == errc::bitmap_syntax || bad.code == errc::bitmap_bit_beyond_fields
        || bad.code == errc::bitmap_parent_not_a_record)
        return verdict::refused_by_both;
    INFO(bad.message() << " at " << bad.offset);
    REQUIRE_FALSE(bad);
    const auto same = [&](const std::string& text, std::uint32_t replaced) {
        const reference::json_match match(expected, text);
        if (match && match.replaced() == replaced) return;
        INFO(match.why());
        INFO(text);
        REQUIRE(static_cast<bool>(match));
        REQUIRE(match.replaced() == replaced);
    };
    std::string text;
    const reference::json_match by_top(expected, top_level_json(event));
    if (!by_top) {
        INFO(by_top.why());
        REQUIRE(static_cast<bool>(by_top));
    }
    // Compounds through the positions of their children.
    const std::uint32_t replaced = row::append_body_json(event, text);
    if (event.has_header()) {
        expected.items.erase(expected.items.begin());
        expected.names.erase(expected.names.begin());
    }
    same(text, replaced);
    return verdict::same;
}

} // namespace

TEST_CASE("differential: random schemas and data of all types") {
    dice d(20'26);
    cdc::decoder decoder;
    std::map<verdict, int> good, damaged;
    for (int round = 0; round < 700; ++round) {
        const json schema_json = schema_writer(d).event();
        const std::string text = schema_json.dump(d.one_in(2) ? -1 : 1);
        INFO("round " << round << ": " << schema_json.dump());
        const auto [plan, bad_schema] = cdc::compile(text);
        INFO(bad_schema.message() << " at " << bad_schema.offset);
        if (bad_schema.code == errc::schema_root_not_a_record) continue; // a record without fields
        REQUIRE_FALSE(bad_schema);
        const reference::avro_schema reference_schema(schema_json);
        for (int datum = 0; datum < 4; ++datum) {
            reference::avro_writer w;
            try {
                data_writer(d, w).write(reference_schema.root());
            } catch (const reference::too_much&) {
                break; // a record that holds itself has no data
            }
            if (w.size() > 20'000) continue;
            ++good[compare(plan, reference_schema.root(), w.bytes(), decoder)];
            for (int k = 0; k < 6 && w.size() != 0; ++k) {
                std::string bytes = w.bytes();
                const std::size_t at = d.below(bytes.size());
                switch (d.below(4)) {
                case 0: bytes.resize(at); break;
                case 1: bytes[at] = static_cast<char>(bytes[at] ^ 1 << d.below(8)); break;
                case 2: bytes.insert(at, 1, static_cast<char>(d.bits())); break;
                default: bytes[at] = static_cast<char>(d.one_in(2) ? 0x80 : d.bits()); break;
                }
                ++damaged[compare(plan, reference_schema.root(), bytes, decoder)];
            }
        }
    }
    // Enough of each, or the test tests nothing.
    CHECK(good[verdict::same] > 1500);
    CHECK(good[verdict::refused_by_both] == 0);
    CHECK(damaged[verdict::same] > 1500);
    CHECK(damaged[verdict::refused_by_both] > 3000);
    CHECK(good[verdict::given_up] + damaged[verdict::given_up] < 1000);
}

namespace {

// What change events look like: the usual header, then fields that may be null, with compounds among them.
json change_event_schema(dice& d) {
    const json header =
        json::parse(golden::schema(d.one_in(2) ? "AccountChangeEvent.2023.avsc" : "AccountChangeEvent.2026.avsc"))
            .at("fields")
            .at(0);
    static const char* const types[] = {"string",  "string", "string", "double", "long",
                                        "boolean", "int",    "float",  "bytes"};
    json fields = json::array({header});
    const auto children = [&] {
        json out = json::array();
        for (std::uint64_t i = 0, n = d.below(12); i < n; ++i)
            out.push_back({{"name", "c" + std::to_string(i)}, {"type", {"null", types[d.below(9)]}}});
        return out;
    };
    bool address = false;
    for (std::uint64_t i = 0, n = d.below(d.one_in(3) ? 200 : 30); i < n; ++i) {
        json type = {"null", types[d.below(9)]};
        if (d.one_in(12))
            type = address ? json{"null", "Address"}
                           : json{"null", {{"type", "record"}, {"name", "Address"}, {"fields", children()}}};
        else if (d.one_in(40))
            type = {
                "null", "string", {{"type", "record"}, {"name", "P" + std::to_string(i)}, {"fields", children()}}};
        else if (d.one_in(40))
            type = {types[d.below(9)], "null"};
        else if (d.one_in(40))
            type = {"null", "long", "string"};
        address = address || type.back().is_object();
        fields.push_back({{"name", "f" + std::to_string(i)}, {"type", type}});
    }
    // A record is declared once; those of unions of three have names of their own.
    for (json& f : fields)
        if (f.at("type").is_array() && f.at("type").back() == "Address") {
            bool declared = false;
            for (const json& g : fields)
                declared = declared
                           || (g.at("type").is_array() && g.at("type").back().is_object()
                               && g.at("type").back().at("name") == "Address");
            if (!declared) f["type"] = {"null", "int"};
        }
    return {{"type", "record"}, {"name", "XChangeEvent"}, {"namespace", "com.sforce.eventbus"}, {"fields", fields}};
}

// Mostly null, with texts and numbers of all lengths that the encoding knows.
void write_field(dice& d, reference::avro_writer& w, const json& type, const json& address, std::uint64_t dense) {
    if (type.is_object() && type.at("type") == "record") {
        for (const json& f : type.at("fields")) write_field(d, w, f.at("type"), address, dense);
    } else if (type.is_object() && type.at("type") == "enum") {
        w.integer(static_cast<std::int64_t>(d.below(type.at("symbols").size())));
    } else if (type.is_object()) { // an array of strings; bitmaps that say nothing
        const std::uint64_t n = d.below(4);
        if (n != 0 && d.one_in(5))
            w.integer(-static_cast<std::int64_t>(n)).integer(static_cast<std::int64_t>(3 * n));
        else if (n != 0)
            w.integer(static_cast<std::int64_t>(n));
        for (std::uint64_t i = 0; i < n; ++i) w.text("0x");
        w.integer(0);
    } else if (type.is_array()) {
        const std::size_t null = type[0] == "null" ? 0 : 1;
        std::size_t branch = null;
        if (d.one_in(dense)) branch = null == 1 ? 0 : 1 + d.below(type.size() - 1);
        if (d.one_in(3000))
            w.varint(2 * branch + 128).raw(std::string()); // often out of range: the other decoder says so too
        else
            w.integer(static_cast<std::int64_t>(branch));
        if (branch != null) write_field(d, w, type[branch], address, dense);
    } else if (type == "Address") {
        write_field(d, w, address, address, dense);
    } else if (type == "string" || type == "bytes") {
        const std::size_t lengths[] = {0, 1, 5, 18, 62, 63, 64, 65, 100, 300, 8191, 8192};
        w.text(std::string(lengths[d.below(d.one_in(30)  ? 12
                                           : d.one_in(5) ? 10
                                                         : 4)],
                           static_cast<char>('a' + d.below(26))));
    } else if (type == "int") {
        w.integer(static_cast<std::int32_t>(static_cast<std::uint32_t>(d.bits()) >> d.below(32)));
    } else if (type == "long") {
        w.integer(static_cast<std::int64_t>(d.bits()) >> d.below(64));
    } else if (type == "boolean") {
        w.byte(static_cast<unsigned>(d.below(2)));
    } else if (type == "float") {
        w.float32(static_cast<float>(d.below(1000)) / 8);
    } else if (type == "double") {
        w.float64(static_cast<double>(d.bits() >> 20) / 100);
    }
}

} // namespace

TEST_CASE("differential: change events of all widths and densities") {
    dice d(4'1);
    cdc::decoder decoder, other;
    std::map<verdict, int> good, damaged;
    for (int round = 0; round < 400; ++round) {
        const json schema_json = change_event_schema(d);
        INFO("round " << round << ": " << schema_json.dump());
        const auto [plan, bad_schema] = cdc::compile(schema_json.dump());
        INFO(bad_schema.message() << " at " << bad_schema.offset);
        REQUIRE_FALSE(bad_schema);
        const reference::avro_schema reference_schema(schema_json);
        json address;
        for (const json& f : schema_json.at("fields"))
            if (f.at("type").is_array() && f.at("type").back().is_object()
                && f.at("type").back().at("name") == "Address")
                address = f.at("type").back();
        std::vector<exact_bytes> seen;
        for (int datum = 0; datum < 6; ++datum) {
            reference::avro_writer w;
            write_field(d, w, schema_json, address, 1 + d.below(20));
            ++good[compare(plan, reference_schema.root(), w.bytes(), decoder)];
            seen.emplace_back(w.bytes());
            for (int k = 0; k < 6; ++k) {
                std::string bytes = w.bytes();
                // The end as often as the rest: there a fast path has to let go.
                const std::size_t at =
                    d.one_in(2) && bytes.size() > 80 ? bytes.size() - 1 - d.below(80) : d.below(bytes.size());
                switch (d.below(5)) {
                case 0: bytes.resize(at); break;
                case 1: bytes[at] = static_cast<char>(bytes[at] ^ 1 << d.below(8)); break;
                case 2: bytes.insert(at, 1, static_cast<char>(d.bits())); break;
                case 3: bytes.erase(at, 1); break;
                default: bytes[at] = static_cast<char>(d.one_in(2) ? 0x80 : 0xff); break;
                }
                ++damaged[compare(plan, reference_schema.root(), bytes, decoder)];
                seen.emplace_back(bytes);
            }
        }
        // Two in turns are what they are alone.
        std::vector<std::span<const std::byte>> payloads;
        for (const exact_bytes& b : seen) payloads.push_back(b.span());
        decoder.decode_each(plan, payloads, [&](std::size_t i, const result<cdc::event>& r) {
            const auto alone = other.decode(plan, payloads[i]);
            REQUIRE(r.error == alone.error);
            if (!r.error) REQUIRE(top_level_json(r.value) == top_level_json(alone.value));
        });
    }
    CHECK(good[verdict::same] > 1000);
    CHECK(damaged[verdict::same] > 2000);
    CHECK(damaged[verdict::refused_by_both] > 4000);
    CHECK(good[verdict::given_up] + damaged[verdict::given_up] == 0);
}

TEST_CASE("differential: golden events with each bit turned over") {
    cdc::decoder decoder;
    std::map<verdict, int> seen;
    for (const golden::event& e : golden::events()) {
        INFO(e.what);
        const auto [plan, bad_schema] = cdc::compile(e.schema_json);
        REQUIRE_FALSE(bad_schema);
        const reference::avro_schema reference_schema(json::parse(e.schema_json));
        for (std::size_t bit = 0; bit < 8 * e.payload.size(); bit += 3) {
            std::string bytes = e.payload;
            bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ 1 << bit % 8);
            avro::datum datum;
            const exact_bytes payload(bytes);
            const error bad = avro::walk(plan, payload.span(), datum); // bitmaps are another matter
            bool well_formed = true;
            try {
                reference::avro_decoder(bytes).decode(reference_schema.root());
            } catch (const reference::malformed&) {
                well_formed = false;
            }
            if (well_formed == static_cast<bool>(bad)) {
                INFO("bit " << bit);
                REQUIRE(well_formed == !bad);
            }
            ++seen[bad ? verdict::refused_by_both : verdict::same];
        }
    }
    CHECK(seen[verdict::same] > 1000);
    CHECK(seen[verdict::refused_by_both] > 1000);
}
