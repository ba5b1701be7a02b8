#include "explain_text.hpp"

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/skipper.hpp>
#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/row/convert.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/typed_layout.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/hex.hpp>
#include <sfcdc/wire/utf8.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <vector>

namespace sfcdc::runner {
namespace {

using byte_span = std::span<const std::byte>;

constexpr std::size_t most_lines = 20'000;    // of fields
constexpr std::size_t most_text = 200;        // bytes of one value
constexpr std::size_t most_dumped = 64 << 10; // bytes of one payload
constexpr std::size_t shown_around = 32;      // bytes in front of and behind the place where reading ended

std::string number(std::uint64_t n) { return std::to_string(n); }

std::string padded(std::string_view text, std::size_t width) {
    std::string out(width - std::min(width, text.size()), ' ');
    out += text;
    return out;
}
std::string filled(std::string_view text, std::size_t width) {
    std::string out;
    out.reserve(std::max(width, text.size()));
    out += text;
    out.append(width - std::min(width, text.size()), ' ');
    return out;
}

// Returns the text as a JSON string: control characters are escaped, and bytes that are not UTF-8 are replaced.
std::string json_text(std::string_view text) {
    const std::string_view shown = wire::utf8_prefix(text, most_text);
    std::string out = nlohmann::json(shown).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (shown.size() < text.size()) out += " and " + number(text.size() - shown.size()) + " bytes more";
    return out;
}
std::string digits_of(byte_span b) {
    const byte_span shown = b.first(std::min(b.size(), most_text / 2));
    std::string out = "0x";
    wire::append_hex(out, shown);
    if (shown.size() < b.size()) out += " and " + number(b.size() - shown.size()) + " bytes more";
    return out;
}

// Reads a datum by its schema and notes each value, until the first error.
class field_walk {
  public:
    field_walk(const cdc::plan& plan, byte_span payload) : schema_(plan.schema()), payload_(payload), in_(payload) {}

    void walk() {
        if (schema_.size() == 0) return in_.fail(errc::schema_root_not_a_record);
        const avro::schema::node& root = schema_[schema_.root()];
        std::uint32_t bit = 0;
        for (const avro::schema::field& f : schema_.fields(root)) {
            value(f.node, "#" + number(bit++) + " " + f.name, 0);
            if (in_.failed()) return;
        }
        if (in_.remaining() > 0) in_.fail(errc::trailing_bytes);
    }
    const error& problem() const noexcept { return in_.error(); }

    std::string text() const {
        std::string out = "  offset  bytes  field\n";
        for (const noted& n : lines_)
            out += padded(number(n.begin), 8) + padded(n.size ? number(*n.size) : "?", 7) + "  "
                   + std::string(2 * std::min<std::size_t>(n.depth, 40), ' ') + n.text + "\n";
        if (dropped_ > 0) out += "  and " + number(dropped_) + " values more\n";
        return out;
    }

  private:
    struct noted {
        std::size_t depth;
        std::uint32_t begin;
        std::optional<std::uint32_t> size; // nothing: reading ended in it
        std::string text;
    };

    std::string type_name(std::uint32_t node) const {
        const avro::schema::node& n = schema_[node];
        switch (n.type) {
        case avro::type::record:
        case avro::type::enum_:
        case avro::type::fixed: return std::string(to_string(n.type)) + " " + schema_.full_name(n);
        default: return std::string(to_string(n.type));
        }
    }
    // Where the line is, to be completed when its value is read.
    std::size_t note(std::size_t depth, std::string text) {
        if (lines_.size() >= most_lines) return ++dropped_, most_lines;
        lines_.push_back({depth, in_.offset(), {}, std::move(text)});
        return lines_.size() - 1;
    }
    void complete(std::size_t line, std::string_view what = {}) {
        if (line >= lines_.size()) return;
        noted& n = lines_[line];
        if (in_.failed()) {
            n.text += " <- reading ends here";
            return;
        }
        n.size = in_.offset() - n.begin;
        n.text += what;
    }

    void value(std::uint32_t node, std::string name, std::size_t depth) {
        const std::size_t line = note(depth, std::move(name));
        read(node, line, depth);
    }

    // `line` stands for the value, of whose union a branch may have been taken.
    void read(std::uint32_t node, std::size_t line, std::size_t depth) {
        if (depth > static_cast<std::size_t>(limits::datum_depth)) {
            in_.fail(errc::datum_too_deep);
            return complete(line);
        }
        const avro::schema::node& n = schema_[node];
        const auto says = [&](std::string_view more) {
            if (line < lines_.size()) lines_[line].text += more;
        };
        const auto scalar = [&](const std::string& v) { complete(line, ": " + type_name(node) + " = " + v); };
        switch (n.type) {
        case avro::type::null: return complete(line, ": null");
        case avro::type::boolean: return scalar(in_.read_boolean() ? "true" : "false");
        case avro::type::int_: return scalar(std::to_string(in_.read_int()));
        case avro::type::long_: return scalar(std::to_string(in_.read_long()));
        case avro::type::float_: return scalar(nlohmann::json(in_.read_float()).dump());
        case avro::type::double_: return scalar(nlohmann::json(in_.read_double()).dump());
        case avro::type::string: return scalar(json_text(in_.read_string()));
        case avro::type::bytes: return scalar(digits_of(in_.read_bytes()));
        case avro::type::fixed: {
            const std::uint32_t begin = in_.offset();
            return scalar(in_.skip(n.first) ? digits_of(payload_.subspan(begin, n.first)) : "");
        }
        case avro::type::enum_: {
            const std::uint32_t index = avro::skipper(schema_, in_).read_index(n.count, errc::bad_enum_index);
            return scalar(in_.failed() ? "" : number(index) + " " + json_text(schema_.symbols(n)[index]));
        }
        case avro::type::union_: {
            const std::uint32_t branch = avro::skipper(schema_, in_).read_index(n.count, errc::bad_union_index);
            if (in_.failed()) {
                says(": union");
                return complete(line);
            }
            says(" (branch " + number(branch) + " of " + number(n.count) + ")");
            return read(schema_.branches(n)[branch], line, depth); // no union is directly in another one
        }
        case avro::type::record:
            says(": " + type_name(node));
            for (std::uint32_t bit = 0; const avro::schema::field& f : schema_.fields(n)) {
                value(f.node, "#" + number(bit++) + " " + f.name, depth + 1);
                if (in_.failed()) break;
            }
            return complete_compound(line);
        case avro::type::array:
        case avro::type::map: {
            says(": " + type_name(node));
            std::uint64_t items = 0, empty = 0;
            while (std::uint64_t count = in_.read_block()) {
                for (; count > 0 && !in_.failed(); --count, ++items) {
                    const std::uint32_t begin = in_.offset();
                    std::string name = "[" + number(items) + "]";
                    if (n.type == avro::type::map) name = "[" + json_text(in_.read_string()) + "]";
                    value(n.first, std::move(name), depth + 1);
                    if (in_.offset() == begin && ++empty > limits::empty_items) in_.fail(errc::too_many_empty_items);
                }
                if (in_.failed()) return complete_compound(line);
            }
            return complete(line, ", " + number(items) + (items == 1 ? " item" : " items"));
        }
        }
    }
    // The innermost value says already where reading ends.
    void complete_compound(std::size_t line) {
        if (!in_.failed()) complete(line);
    }

    const avro::schema& schema_;
    byte_span payload_;
    avro::cursor in_;
    std::vector<noted> lines_;
    std::uint64_t dropped_ = 0;
};

std::string ended(byte_span payload, const error& why) {
    const std::size_t at = std::min<std::size_t>(why.offset, payload.size());
    const std::size_t begin = at - std::min(at, shown_around), end = at + std::min(payload.size() - at, shown_around);
    return "\ndecoding ends at byte " + number(why.offset) + " of " + number(payload.size()) + ": " + why.message()
           + "\n" + hex_dump(payload, begin, end);
}

// ---- bitmaps

// One element of such a list, "0x..." or "POSITION-0x...".
void append_bitmap(std::string& out, const cdc::plan& plan, std::string_view element) {
    out += "  " + json_text(element);
    std::string_view digits = element;
    std::uint32_t first = 0, count = plan.field_count();
    if (const std::size_t dash = element.find('-'); dash != element.npos) {
        std::uint32_t position = 0;
        const auto [end, bad] = std::from_chars(element.data(), element.data() + dash, position);
        if (bad != std::errc() || end != element.data() + dash || position >= plan.field_count())
            return void(out += ": it names no field of the event\n");
        const avro::op& compound = plan.ops()[position];
        out += ": members of " + std::string(plan.name({position})) + " (bit " + number(position) + ")";
        first = compound.first_child;
        count = compound.child_count;
        digits.remove_prefix(dash + 1);
    } else {
        out += ": fields of the event";
    }
    out += "\n";
    if (!digits.starts_with("0x") && !digits.starts_with("0X")) return void(out += "    no hexadecimal digits\n");
    digits.remove_prefix(2);
    for (std::size_t i = digits.size(); i-- > 0;) {
        const int digit = wire::hex_digit(digits[i]);
        if (digit < 0) return void(out += "    a character that is no hexadecimal digit\n");
        for (std::uint32_t bit = 0; bit < 4; ++bit) {
            if ((digit >> bit & 1) == 0) continue;
            const std::uint64_t at = 4 * (digits.size() - 1 - i) + bit;
            out += "    bit " + filled(number(at), 4) + " "
                   + (at < count ? std::string(plan.name({first + static_cast<std::uint32_t>(at)}))
                                 : std::string("beyond the fields of the schema"))
                   + "\n";
        }
    }
}
void append_bitmaps(std::string& out, const cdc::plan& plan, const char* name, const cdc::string_list& list) {
    out += std::string("\n") + name + "\n";
    bool any = false;
    for (const std::string_view element : list) {
        if (element.empty()) continue;
        append_bitmap(out, plan, element);
        any = true;
    }
    if (!any) out += "  none\n";
}

void append_header(std::string& out, const cdc::event& event) {
    const cdc::event_header h = event.header();
    const auto member = [&](const char* name, const std::string& value) {
        out += "  " + filled(name, 16) + " " + value + "\n";
    };
    std::string ids;
    std::size_t count = 0;
    for (const std::string_view id : h.record_ids())
        if (++count <= 100) ids += (ids.empty() ? "" : ", ") + json_text(id);
    if (count > 100) ids += " and " + number(count - 100) + " more";
    out += "\nheader\n";
    member("entityName", json_text(h.entity_name()));
    member("recordIds", ids);
    member("changeType", std::string(h.change_type_name()));
    member("changeOrigin", json_text(h.change_origin()));
    member("transactionKey", json_text(h.transaction_key()));
    member("sequenceNumber", std::to_string(h.sequence_number()));
    member("commitTimestamp", std::to_string(h.commit_timestamp()) + " (" + time_text(h.commit_timestamp()) + ")");
    member("commitNumber", std::to_string(h.commit_number()));
    member("commitUser", json_text(h.commit_user()));
}

void append_rows(std::string& out, const cdc::event& event, const explained_event& of, const row::layout& rows) {
    const row::envelope envelope{.event_id = of.event_id,
                                 .schema_id = of.schema_id,
                                 .topic_name = of.topic_name,
                                 .org_id = of.org_id,
                                 .replay_id = of.replay_id,
                                 .received_timestamp = of.received_timestamp};
    out += "\nrows\n";
    row::for_each_row(rows, event, [&](const row::record& record) {
        out += "  ";
        (void)row::append_json(rows, event, envelope, out, record);
        out += "\n";
    });
}

} // namespace

std::string time_text(std::int64_t ms) {
    constexpr std::int64_t day = 86'400'000;
    std::int64_t days = ms / day, in_day = ms % day;
    if (in_day < 0) --days, in_day += day;
    if (days < -3'000'000 || days > 3'000'000) return "no time";
    const auto two = [](std::int64_t n) { return (n < 10 ? "0" : "") + std::to_string(n); };
    std::string out(std::string_view(row::date_text(static_cast<std::int32_t>(days))));
    out += "T" + two(in_day / 3'600'000) + ":" + two(in_day / 60'000 % 60) + ":" + two(in_day / 1000 % 60);
    return out + "Z";
}

std::optional<row::layout> layout_named(std::string_view name, const cdc::plan& plan) {
    if (name == "sfcdc") return row::layout::sfcdc();
    if (name == "salesforce_zerobus") return row::layout::salesforce_zerobus();
    if (name == "lakeflow") return row::layout::lakeflow();
    if (name != "typed") return std::nullopt;
    auto [typed, bad] = row::typed_layout(plan);
    return bad ? std::nullopt : std::optional(std::move(typed));
}

std::string hex_dump(std::span<const std::byte> all, std::size_t begin, std::size_t end) {
    std::string out;
    for (std::size_t at = begin; at < end; at += 16) {
        const byte_span line = all.subspan(at, std::min<std::size_t>(16, end - at));
        std::string digits, characters;
        for (const std::byte b : line) {
            wire::append_hex(digits, byte_span(&b, 1));
            digits += ' ';
            const auto c = static_cast<unsigned char>(b);
            characters += c >= 0x20 && c < 0x7f ? static_cast<char>(c) : '.';
        }
        std::string offset;
        for (int shift = 28; shift >= 0; shift -= 4) offset += "0123456789abcdef"[at >> shift & 15];
        out += "  " + offset + "  " + filled(digits, 48) + " |" + characters + "|\n";
    }
    return out;
}

explanation explain_fields(const cdc::plan& plan, std::span<const std::byte> payload) {
    if (payload.size() > limits::payload_bytes)
        return {"the payload has more bytes than an event may have: " + number(payload.size()) + "\n", false};
    field_walk walk(plan, payload);
    walk.walk();
    explanation out{"fields\n" + walk.text(), !walk.problem()};
    if (walk.problem()) out.text += ended(payload, walk.problem());
    return out;
}

explanation explain(const cdc::plan& plan, std::span<const std::byte> payload, const explained_event& of,
                    const row::layout& rows) {
    explanation out;
    const avro::schema& schema = plan.schema();
    out.text = "event of " + number(payload.size()) + " bytes\nschema ";
    out.text += schema.size() == 0 ? std::string("without a record") : schema.full_name(schema[schema.root()]);
    out.text += ", " + number(plan.field_count()) + " fields";
    if (!of.schema_id.empty()) out.text += ", id " + std::string(of.schema_id);
    out.text += "\n";
    if (!of.event_id.empty()) out.text += "event id " + json_text(of.event_id) + "\n";
    if (!of.replay_id.empty()) {
        out.text += "replay id ";
        wire::append_hex(out.text, of.replay_id);
        out.text += " (base64 ";
        wire::append_base64(out.text, of.replay_id);
        out.text += ")\n";
    }
    const std::size_t dumped = std::min(payload.size(), most_dumped);
    out.text += "\nbytes\n" + hex_dump(payload, 0, dumped);
    if (dumped < payload.size()) out.text += "  and " + number(payload.size() - dumped) + " bytes more\n";
    explanation fields = explain_fields(plan, payload);
    out.text += "\n" + fields.text;
    if (!fields.whole) return out;

    cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(plan, payload);
    if (event.has_header() || (bad && plan.has_header())) {
        // A list whose bitmaps are wrong is shown as it stands.
        const auto [header, none] = cdc::read_header(wire::as_chars(payload));
        if (!bad) append_header(out.text, event);
        if (!none) {
            append_bitmaps(out.text, plan, "changedFields", header.changed_fields());
            append_bitmaps(out.text, plan, "nulledFields", header.nulled_fields());
            append_bitmaps(out.text, plan, "diffFields", header.diff_fields());
        }
    }
    if (bad) {
        out.text += ended(payload, bad);
        return out;
    }
    append_rows(out.text, event, of, rows);
    out.whole = true;
    return out;
}

} // namespace sfcdc::runner
