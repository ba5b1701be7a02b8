// Tokens in place of values: a payload is made again with the texts of some fields replaced, so that whoever decodes it never
// sees them. Equal values have equal tokens, whatever fields, objects and days they are of, so that tables can still be joined by them;
// which value a token stands for can only be tried out by who has the key.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sfcdc/avro/cursor.hpp>
#include <sfcdc/avro/field_set.hpp>
#include <sfcdc/avro/op.hpp>
#include <sfcdc/avro/schema.hpp>
#include <sfcdc/avro/skipper.hpp>
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/wire/base64.hpp>
#include <sfcdc/wire/byte_view.hpp>
#include <sfcdc/wire/bytes.hpp>
#include <sfcdc/wire/digest.hpp>
#include <sfcdc/wire/hex.hpp>
#include <sfcdc/wire/hmac.hpp>
#include <sfcdc/wire/varint.hpp>

namespace sfcdc::inline v0::cdc {

// A key and how tokens look that are made with it: "tok_", eight hexadecimal digits that name the key, "_", and 22 characters of base64 in its
// alphabet for URLs, which are the first 132 bits of the HMAC-SHA-256 of the value's bytes. Keeps nothing of the key but
// what HMAC needs, which is as secret. Immutable, so that one serves all threads.
class token_key {
  public:
    // Fewer bytes could be tried out. It is for the caller to refuse them.
    static constexpr std::size_t least_bytes = 32;
    static constexpr std::size_t token_bytes = 35;

    // The bytes of the key are not needed afterwards.
    explicit token_key(wire::byte_view key) : hmac_(key.text()) {
        const std::array<std::byte, 32> digest = wire::sha256(key.text());
        wire::append_hex(id_, std::span(digest).first(4));
    }

    // Which key it is: the first four bytes of its SHA-256, as eight hexadecimal digits. It says nothing else of the key.
    std::string_view id() const noexcept { return id_; }
    std::string token(std::string_view value) const {
        std::string out;
        out.reserve(token_bytes + 32);
        out.append("tok_").append(id_).push_back('_');
        wire::append_base64(out, hmac_.of(value), wire::base64_alphabet::url);
        out.resize(token_bytes);
        return out;
    }

  private:
    wire::hmac_sha256 hmac_;
    std::string id_;
};

// Which fields of one schema become tokens. Made once for each schema; immutable, so that one serves all threads. Refers to the plan,
// which must outlive it.
//
// A text becomes its token, the patch of a text (diffFields) the token of the patch, and null stays null. A compound
// brings its children. A union with texts and other types becomes a text whatever its value is: the token of the value's bytes in the
// payload, unless that is the record whose members are fields of the plan. What the schema does not let be a text is blanked:
// null where the schema allows it, else false, zero, empty. A blank is no value of the event, so that such fields
// (blanked()) are to be left out of the plan that decodes the payload.
class tokeniser {
  public:
    // The header and its members are passed over, and so are fields of another plan.
    tokeniser(const cdc::plan& p, std::span<const avro::field> fields) : plan_(&p), actions_(p.size(), action::keep) {
        for (const avro::field f : fields) {
            if (f.number >= p.size() || p.header_set().contains(f)) continue;
            const avro::op& o = p[f];
            // A compound that is nothing else goes by its children.
            const bool is_compound = o.kind == avro::op_kind::compound && o.child_count != 0;
            if (!is_compound) actions_[f.number] = action_of(f);
            // In a union of several records only one has children with field numbers, so that a child stands for the whole union.
            if (o.parent && p.has_several_records(o.parent)) actions_[o.parent.number] = action_of(o.parent);
            for (std::uint32_t c = 0; c < o.child_count; ++c)
                actions_[o.first_child + c] = action_of({o.first_child + c});
        }
        for (std::uint32_t f = 0; f < p.size(); ++f) {
            if (actions_[f] == action::keep) continue;
            (actions_[f] == action::token ? replaced_ : blanked_).push_back({f});
            const avro::field own = p.ops()[f].parent ? p.ops()[f].parent : avro::field{f};
            end_ = std::max(end_, own.number + 1);
        }
    }
    tokeniser(const cdc::plan&&, std::span<const avro::field>) = delete; // It refers to the plan.

    const cdc::plan& plan() const noexcept { return *plan_; }
    // The fields that become tokens, and those that cannot. In order of their numbers.
    std::span<const avro::field> replaced() const noexcept { return replaced_; }
    std::span<const avro::field> blanked() const noexcept { return blanked_; }

    // Replaces `out`, which must not hold the payload itself, by the payload with tokens, which is one of the same schema. After an error,
    // whose offset is in `payload`, `out` is empty. What is wrong with bytes behind the last of the fields is found by who decodes
    // `out`.
    error rewrite(const token_key& key, wire::byte_view payload, std::vector<std::byte>& out) const {
        out.clear();
        if (payload.span().size() > limits::payload_bytes) return {errc::payload_too_large, 0};
        pass p(*this, key, payload.span(), out);
        const error bad = p.run();
        if (bad) out.clear();
        return bad;
    }

  private:
    enum class action : std::uint8_t { keep, token, blank };

    static constexpr std::uint32_t none = 0xffff'ffff;

    std::uint32_t type_of(avro::field f) const noexcept {
        const avro::schema& s = plan_->schema();
        const avro::field parent = plan_->ops()[f.number].parent;
        if (!parent) return s.fields(s[s.root()])[f.number].node;
        const avro::op& compound = plan_->ops()[parent.number];
        return s.fields(s[compound.record])[f.number - compound.first_child].node;
    }
    // The branch that is text; `none` if there is none.
    static std::uint32_t text_branch(const avro::schema& s, const avro::schema::node& u) noexcept {
        for (std::uint32_t i = 0; i < u.count; ++i)
            if (s[s.branches(u)[i]].type == avro::type::string) return i;
        return none;
    }
    action action_of(avro::field f) const noexcept {
        const avro::schema& s = plan_->schema();
        const avro::schema::node& n = s[type_of(f)];
        const bool text = n.type == avro::type::string || (n.type == avro::type::union_ && text_branch(s, n) != none);
        return text ? action::token : action::blank;
    }

    // One payload on its way.
    class pass {
      public:
        pass(const tokeniser& of, const token_key& key, std::span<const std::byte> payload,
             std::vector<std::byte>& out) noexcept
            : of_(of),
              key_(key),
              schema_(of.plan_->schema()),
              in_(payload),
              skipper_(schema_, in_),
              copied_(payload.data()),
              end_(payload.data() + payload.size()),
              out_(out) {}

        error run() {
            const std::span<const avro::op> ops = of_.plan_->ops();
            const auto fields =
                of_.end_ == 0 ? std::span<const avro::schema::field>() : schema_.fields(schema_[schema_.root()]);
            for (std::uint32_t f = 0; f < of_.end_ && !in_.failed(); ++f) {
                const bool is_null = ops[f].null_first && in_.remaining() != 0 && *in_.position() == std::byte{0};
                if (is_null)
                    in_.advance(1);
                else
                    field(f, fields[f].node);
            }
            if (in_.failed()) return in_.error();
            out_.insert(out_.end(), copied_, end_);
            return {};
        }

      private:
        void field(std::uint32_t f, std::uint32_t type) {
            const avro::op& o = of_.plan_->ops()[f];
            const action what = of_.actions_[f];
            if (what == action::keep && o.child_count == 0) return skipper_.skip(type);
            const std::byte* const begin = in_.position();
            std::uint32_t node = type;
            if (schema_[type].type == avro::type::union_)
                node =
                    schema_.branches(schema_[type])[skipper_.read_index(schema_[type].count, errc::bad_union_index)];
            if (in_.failed() || schema_[node].type == avro::type::null) return;
            if (what != action::blank && o.child_count != 0 && node == o.record) return children(o);
            const std::byte* const value = in_.position();
            const bool is_text = schema_[node].type == avro::type::string;
            const std::string_view text = is_text ? in_.read_string() : std::string_view();
            if (!is_text) skipper_.skip(node);
            if (in_.failed() || what == action::keep) return;
            if (what == action::blank) {
                copy_to(begin);
                blank(type, 0);
            } else if (is_text) {
                copy_to(value);
                write_text(key_.token(text));
            } else {
                copy_to(begin);
                write_number(text_branch(schema_, schema_[type]));
                write_text(key_.token(wire::as_chars({value, in_.position()})));
            }
            copied_ = in_.position();
        }
        void children(const avro::op& o) {
            std::uint32_t child = o.first_child;
            for (const avro::schema::field& f : schema_.fields(schema_[o.record])) {
                if (in_.failed()) return;
                field(child++, f.node);
            }
        }

        void copy_to(const std::byte* until) { out_.insert(out_.end(), copied_, until); }
        void write_number(std::uint64_t n) { // of an index, a length
            char bytes[wire::max_varint_bytes];
            const std::size_t size = wire::write_varint(bytes, 2 * n);
            const auto* const from = reinterpret_cast<const std::byte*>(bytes);
            out_.insert(out_.end(), from, from + size);
        }
        void write_text(std::string_view text) {
            write_number(text.size());
            const std::span<const std::byte> bytes = wire::as_bytes(text);
            out_.insert(out_.end(), bytes.begin(), bytes.end());
        }
        // Writes the value of a type that says least.
        void blank(std::uint32_t type, int depth) {
            if (depth > limits::datum_depth) return in_.fail(errc::datum_too_deep);
            const avro::schema::node& n = schema_[type];
            switch (n.type) {
            case avro::type::null: return;
            case avro::type::float_: return zeros(4);
            case avro::type::double_: return zeros(8);
            case avro::type::fixed: return zeros(n.first);
            case avro::type::record:
                for (const avro::schema::field& f : schema_.fields(n)) blank(f.node, depth + 1);
                return;
            case avro::type::union_: {
                const std::uint32_t branch = blank_branch(n);
                write_number(branch);
                return blank(schema_.branches(n)[branch], depth + 1);
            }
            default: return zeros(1); // false, 0, the first symbol, no characters, no items
            }
        }
        // Null, else what is no record, which could be one without end.
        std::uint32_t blank_branch(const avro::schema::node& u) const noexcept {
            std::uint32_t best = 0;
            for (std::uint32_t i = 0; i < u.count; ++i) {
                const avro::type t = schema_[schema_.branches(u)[i]].type;
                if (t == avro::type::null) return i;
                if (schema_[schema_.branches(u)[best]].type == avro::type::record) best = i;
            }
            return best;
        }
        void zeros(std::size_t n) { out_.resize(out_.size() + n); }

        const tokeniser& of_;
        const token_key& key_;
        const avro::schema& schema_;
        avro::cursor in_;
        avro::skipper skipper_;
        const std::byte* copied_; // Up to here the payload was copied, or replaced.
        const std::byte* end_;
        std::vector<std::byte>& out_;
    };

    const cdc::plan* plan_;
    std::vector<action> actions_; // By field number.
    std::vector<avro::field> replaced_, blanked_;
    std::uint32_t end_ = 0; // Own fields from this number on are copied as they are.
};

} // namespace sfcdc::inline v0::cdc
