// A schema frozen for decoding: one op for each field, and the dotted names by which fields are found.
//
// Fields are numbered so that a Salesforce bitmap needs no translation: the fields of the event's record come first,
// number n being bit n of a top-level bitmap, and behind them the children of each compound field (Address, PersonName,
// Location), each compound's children side by side in their own order.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/usual_header.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/wire/copy.hpp>

namespace sfcdc::avro {

// What stands at one place of a plan, as the walk over the bytes of a datum sees it (avro::datum). The places of the
// event's own fields come first, then those of each compound's children, and behind each such group one place that
// leads out of it: so a walk goes in and out of compounds as it goes from field to field.
//
// For a union of null and other types there is a formula that holds when the branch index is 1 (0x02): the index, and by
// the type of that branch either fixed bytes, an integer, or a length below 64 and that many bytes. It is one formula for
// all of them, so that no branch is taken on the type.
struct alignas(32) stride {
    std::uint32_t number = 0;      // of the field; plan::no_field() where there is none
    std::uint32_t run = 0;         // from here on so many fields in a row that are one 0x00 byte when they are null
    std::int32_t next = 1;         // places to go on; a compound leads to its first child
    std::uint32_t check = 0;       // bits of the first two bytes, the first one lowest, that are those of 0x0002
    std::uint32_t fixed = 0;       // bytes besides: the index, and those of a boolean, float or double
    std::uint32_t varint_mask = 0; // all ones: the bytes of the integer or length are part of it
    std::uint32_t text_mask = 0;   // ones: as many bytes as the length says are part of it
    std::uint8_t varint_end = 0;   // the formula holds for integers and lengths of fewer bytes; by default for none
    std::uint8_t begin = 1;        // where the value is noted to begin, from the index on (see datum::begin)

    static constexpr std::uint8_t any_varint = 8; // whatever stands there: it is no integer
};

// What the bytes of a field are, once a union of null and something has been looked through.
enum class op_kind : std::uint8_t { boolean, int_, long_, width, text, compound, other };

struct op {
    op_kind kind = op_kind::other;
    bool null_first = false;       // a union whose first branch is null: a 0x00 byte is the whole field
    bool optional = false;         // a union of null and one other type
    std::uint8_t null_branch = 0;  // optional: which of the two is null
    bool wanted = true;            // false: outside the projection, skipped and never seen
    std::uint32_t node = 0;        // the type; of an optional field the type that is not null
    std::uint32_t width = 0;       // width: bytes of a value (float, double, fixed)
    std::uint32_t first_child = 0; // compound, or a union with a record branch: its children
    std::uint32_t child_count = 0;
    std::uint32_t first_place = 0; // of the children: where their strides begin
    std::uint32_t record = 0;      // the record whose fields the children are
    field parent{};                // of a child: its compound field
};

// The members of ChangeEventHeader, each a child of the event's first field. Resolved here because the plan is what
// all decoders share. Source: the Avro schemas of Change Data Capture, the same 12 members in all of them.
struct header_fields {
    field entity_name, record_ids, change_type, change_origin, transaction_key, sequence_number, commit_timestamp,
        commit_number, commit_user, nulled_fields, diff_fields, changed_fields;

    // In the order of the schemas, which is that of usual_header().
    std::array<field, usual_header_members> all() const noexcept {
        return {entity_name,      record_ids,    change_type, change_origin, transaction_key, sequence_number,
                commit_timestamp, commit_number, commit_user, nulled_fields, diff_fields,     changed_fields};
    }
};

// Names one behind the other, so that a name can be copied without a branch on its length: `readable` bytes can be read
// from the start of each.
class name_table {
  public:
    static constexpr std::size_t readable = wire::padded_room; // what wire::copy_padded() reads

    void add(std::string_view a, std::string_view b = {}) {
        text_.resize(begins_.back());
        text_.append(a).append(b);
        begins_.push_back(static_cast<std::uint32_t>(text_.size()));
        text_.append(readable, '\0');
    }
    std::string_view operator[](std::size_t i) const noexcept {
        return {text_.data() + begins_[i], begins_[i + 1] - begins_[i]};
    }

  private:
    std::string text_;
    std::vector<std::uint32_t> begins_{0}; // and where the last one ends
};

// Immutable; one serves all threads. Owns everything that it returns, so it must outlive events and views.
class plan {
  public:
    const avro::schema& schema() const noexcept { return schema_; }

    // Fields of the event's record: positions 0 .. field_count()-1 of the top-level bitmap.
    std::uint32_t field_count() const noexcept { return field_count_; }
    // Those and the children of compound fields.
    std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(ops_.size()); }
    // Words of a set of them.
    std::uint32_t words() const noexcept { return words_; }
    // A number behind those of all fields, and in a word behind those of their sets.
    std::uint32_t no_field() const noexcept { return words_ * 64; }

    // "Phone", "BillingAddress.City"; a field that is false when the schema has no such name, or the projection leaves
    // it out.
    avro::field find(std::string_view dotted_name) const noexcept {
        const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), dotted_name,
                                         [&](std::uint32_t f, std::string_view name) { return names_[f] < name; });
        return at != by_name_.end() && names_[*at] == dotted_name && ops_[*at].wanted ? avro::field{*at}
                                                                                      : avro::field{};
    }
    // name_table::readable bytes can be read from its start.
    std::string_view name(avro::field f) const noexcept { return names_[f.number]; }
    const op& operator[](avro::field f) const noexcept { return ops_[f.number]; }
    std::span<const op> ops() const noexcept { return ops_; }
    // By place; the walk begins at the first one and is over at the place behind the event's own fields.
    std::span<const stride> strides() const noexcept { return strides_; }
    // Whether it sees some of the fields only, and which.
    bool is_projection() const noexcept { return is_projection_; }
    field_set wanted() const noexcept { return field_set(wanted_); }

    // The child of a compound field at a position of its nested bitmap; false when there is none.
    avro::field child(avro::field parent, std::uint32_t position) const noexcept {
        const op& o = ops_[parent.number];
        return position < o.child_count ? avro::field{o.first_child + position} : avro::field{};
    }

    // A copy of this plan that sees only these fields and the header; a compound brings its children. The others are
    // stepped over in the payload (and checked) and not noted: rows have no values of them, only their names in the lists.
    // An unknown name is an error; its offset is the position in `names`.
    result<plan> project(std::span<const std::string_view> names) const {
        result<plan> out{*this, {}};
        out.value.is_projection_ = true;
        const auto set = [&](std::uint32_t f, bool wanted) {
            out.value.ops_[f].wanted = wanted;
            const std::uint64_t bit = std::uint64_t{1} << f % 64;
            if (wanted)
                out.value.wanted_[f / 64] |= bit;
            else
                out.value.wanted_[f / 64] &= ~bit;
        };
        const auto is_header = [&](std::uint32_t f) {
            return has_header_ && (f == 0 || ops_[f].parent == avro::field{0});
        };
        for (std::uint32_t f = 0; f < size(); ++f) set(f, is_header(f));
        for (std::size_t i = 0; i < names.size(); ++i) {
            const avro::field f = find(names[i]);
            if (!f) return out.error = {errc::unknown_field, static_cast<std::uint32_t>(i)}, std::move(out);
            set(f.number, true);
            for (std::uint32_t c = 0; c < ops_[f.number].child_count; ++c) set(ops_[f.number].first_child + c, true);
        }
        return out;
    }

    // Whether the event's first field is a ChangeEventHeader; platform events have none.
    bool has_header() const noexcept { return has_header_; }
    const header_fields& header() const noexcept { return header_; }
    // Whether the header's members are those that all schemas known so far have, in that order.
    bool has_usual_header() const noexcept { return has_usual_header_; }
    // The header and its members.
    field_set header_set() const noexcept { return field_set(header_set_); }
    // Behind the byte of the last changeType: twice the number of its symbols, at most 128.
    std::uint32_t change_types_end() const noexcept { return change_types_end_; }

  private:
    friend result<plan> compile(std::string_view schema_json);

    op make_op(std::uint32_t node) const {
        const schema::node* n = &schema_[node];
        op o{.node = node};
        std::uint32_t record = n->type == type::record ? node : detail::none;
        if (n->type == type::union_) {
            const auto branches = schema_.branches(*n);
            o.null_first = schema_[branches[0]].type == type::null;
            for (const std::uint32_t b : branches)
                if (schema_[b].type == type::record && record == detail::none) record = b;
            for (std::uint8_t i = 0; i < 2 && branches.size() == 2; ++i) {
                if (schema_[branches[i]].type != type::null) continue;
                o.optional = true;
                o.null_branch = i;
                o.node = branches[1 - i];
                n = &schema_[o.node];
            }
        }
        if (record != detail::none) {
            o.record = record;
            o.child_count = schema_[record].count;
        }
        switch (n->type) {
        case type::boolean: o.kind = op_kind::boolean; break;
        case type::int_: o.kind = op_kind::int_; break;
        case type::long_: o.kind = op_kind::long_; break;
        case type::float_: o.kind = op_kind::width, o.width = 4; break;
        case type::double_: o.kind = op_kind::width, o.width = 8; break;
        case type::fixed: o.kind = op_kind::width, o.width = n->first; break;
        case type::bytes:
        case type::string: o.kind = op_kind::text; break;
        case type::record: o.kind = op_kind::compound; break;
        default: o.kind = op_kind::other; break;
        }
        return o;
    }

    // For the fields of one record, of which the first has the number `first`, and the way out behind them.
    void add_strides(std::uint32_t first, const schema::node& record) {
        std::uint32_t last = first;
        for (const schema::field& f : schema_.fields(record)) strides_.push_back(make_stride(last++, f.node));
        stride out{.number = no_field()};
        if (const avro::field parent = ops_[first].parent; parent) {
            out.varint_end = stride::any_varint; // no bytes, whatever they are
            out.next = static_cast<std::int32_t>(parent.number + 1) - static_cast<std::int32_t>(strides_.size());
        }
        strides_.push_back(out);
        std::uint32_t run = 0;
        for (std::uint32_t f = last; f-- > first;) {
            run = ops_[f].null_first ? run + 1 : 0;
            strides_[strides_.size() - 1 - (last - f)].run = run;
        }
    }
    stride make_stride(std::uint32_t f, std::uint32_t node) const {
        stride s{.number = f};
        const schema::node& n = schema_[node];
        if (n.type != type::union_ || n.count < 2 || !ops_[f].null_first) return s;
        s.check = 0xff;
        s.fixed = 1;
        s.varint_end = stride::any_varint;
        s.begin = n.count == 2 ? 1 : 0;
        const auto integer = [&](std::uint8_t most_bytes) {
            s.varint_mask = ~std::uint32_t{0};
            s.varint_end = most_bytes + 1;
        };
        const std::uint32_t branch = schema_.branches(n)[1];
        switch (schema_[branch].type) {
        case type::boolean: s.check |= 0xfe00, s.fixed = 2; break;
        case type::float_: s.fixed = 5; break;
        case type::double_: s.fixed = 9; break;
        case type::int_: integer(4); break; // a fifth byte may overflow
        case type::long_: integer(6); break;
        case type::bytes:
        case type::string: // a length of one byte, whose lowest bit is its sign
            s.check |= 0x8100;
            s.text_mask = 0x3f;
            integer(1);
            break;
        case type::record:
            if (ops_[f].child_count == 0 || ops_[f].record != branch) return {.number = f};
            s.next = static_cast<std::int32_t>(ops_[f].first_place) - static_cast<std::int32_t>(f);
            break;
        default: return {.number = f};
        }
        return s;
    }

    errc resolve_header() {
        const schema::node& first = schema_[schema_.fields(schema_[schema_.root()])[0].node];
        has_header_ = first.type == type::record && names_[0] == "ChangeEventHeader";
        if (!has_header_) return errc::none;
        const auto is = [&](const op& o, type t) { return !o.optional && schema_[o.node].type == t; };
        const auto member = [&](const char* name, avro::field& f, type t) {
            f = find(std::string("ChangeEventHeader.") + name);
            return !f
                   || (is(ops_[f.number], t)
                       && (t != type::array || schema_[schema_[ops_[f.number].node].first].type == type::string));
        };
        header_fields& h = header_;
        const bool fits = member("entityName", h.entity_name, type::string)
                          && member("recordIds", h.record_ids, type::array)
                          && member("changeType", h.change_type, type::enum_)
                          && member("changeOrigin", h.change_origin, type::string)
                          && member("transactionKey", h.transaction_key, type::string)
                          && member("sequenceNumber", h.sequence_number, type::int_)
                          && member("commitTimestamp", h.commit_timestamp, type::long_)
                          && member("commitNumber", h.commit_number, type::long_)
                          && member("commitUser", h.commit_user, type::string)
                          && member("nulledFields", h.nulled_fields, type::array)
                          && member("diffFields", h.diff_fields, type::array)
                          && member("changedFields", h.changed_fields, type::array);
        const auto usual = h.all();
        has_usual_header_ = ops_[0].child_count == usual.size();
        for (std::uint32_t i = 0; has_usual_header_ && i < usual.size(); ++i)
            has_usual_header_ = usual[i] == child({0}, i);
        header_set_.assign(words_, 0);
        header_set_[0] = 1;
        for (const avro::field f : usual)
            if (f) header_set_[f.number / 64] |= std::uint64_t{1} << f.number % 64;
        if (h.change_type) change_types_end_ = 2 * std::min(schema_[ops_[h.change_type.number].node].count, 64u);
        return fits ? errc::none : errc::schema_header_mismatch;
    }

    avro::schema schema_;
    std::vector<op> ops_;
    std::vector<stride> strides_;
    std::vector<std::uint64_t> wanted_;
    std::vector<std::uint64_t> header_set_;
    name_table names_;
    std::vector<std::uint32_t> by_name_; // field numbers in order of their names
    std::uint32_t field_count_ = 0;
    std::uint32_t words_ = 0;
    bool is_projection_ = false;
    bool has_header_ = false;
    bool has_usual_header_ = false;
    header_fields header_;
    std::uint32_t change_types_end_ = 0;
};

// Once for each schema id; some 100 microseconds. `schema_json` is not needed afterwards.
inline result<plan> compile(std::string_view schema_json) {
    result<plan> compiled;
    plan& p = compiled.value;
    auto [parsed, bad] = parse_schema(schema_json);
    if (bad) return compiled.error = bad, std::move(compiled);
    p.schema_ = std::move(parsed);
    const schema::node& root = p.schema_[p.schema_.root()];
    if (root.type != type::record || root.count == 0)
        return compiled.error = {errc::schema_root_not_a_record, 0}, std::move(compiled);

    p.field_count_ = root.count;
    for (const schema::field& f : p.schema_.fields(root)) {
        p.ops_.push_back(p.make_op(f.node));
        p.names_.add(f.name);
    }
    std::size_t name_bytes = 0;
    std::vector<std::uint32_t> compounds;
    for (std::uint32_t parent = 0, place = p.field_count_ + 1; parent < p.field_count_; ++parent) {
        if (p.ops_[parent].child_count == 0) continue;
        const std::uint32_t count = p.ops_[parent].child_count;
        if (p.size() + count > limits::schema_entries)
            return compiled.error = {errc::schema_too_large, 0}, std::move(compiled);
        compounds.push_back(parent);
        p.ops_[parent].first_child = p.size();
        p.ops_[parent].first_place = place;
        place += count + 1;
        for (const schema::field& f : p.schema_.fields(p.schema_[p.ops_[parent].record])) {
            op child = p.make_op(f.node);
            // Salesforce nests one level deep. What is deeper is read through avro::value, not by its own number.
            if (child.kind == op_kind::compound) child.kind = op_kind::other;
            child.child_count = 0;
            child.parent = field{parent};
            if ((name_bytes += p.names_[parent].size() + 1 + f.name.size()) > limits::name_bytes)
                return compiled.error = {errc::schema_too_large, 0}, std::move(compiled);
            p.ops_.push_back(child);
            p.names_.add(std::string(p.names_[parent]) + ".", f.name);
        }
    }
    p.words_ = (p.size() + 63) / 64;
    p.add_strides(0, root);
    for (const std::uint32_t parent : compounds)
        p.add_strides(p.ops_[parent].first_child, p.schema_[p.ops_[parent].record]);
    p.wanted_.assign(p.words(), 0);
    for (std::uint32_t f = 0; f < p.size(); ++f) p.wanted_[f / 64] |= std::uint64_t{1} << f % 64;

    p.by_name_.resize(p.size());
    std::iota(p.by_name_.begin(), p.by_name_.end(), 0u);
    std::sort(p.by_name_.begin(), p.by_name_.end(), [&](auto a, auto b) { return p.names_[a] < p.names_[b]; });
    compiled.error = {p.resolve_header(), 0};
    return compiled;
}

} // namespace sfcdc::avro
