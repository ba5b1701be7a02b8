// One change event: its header, what changed, and the values, all seen in the payload.
// Source: Change Data Capture Developer Guide, "ChangeEventHeader Fields" and "Change Event Body Fields".
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/avro/datum.hpp>
#include <sfcdc/avro/plan.hpp>
#include <sfcdc/cdc/field_list.hpp>
#include <sfcdc/error.hpp>

namespace sfcdc::cdc {

// `unknown` is a symbol that this version does not know; change_type_name() of an event's header still spells it (that of
// read_header() cannot: without a schema there is only its number).
enum class change_type : std::uint8_t {
    create,
    update,
    delete_,
    undelete,
    gap_create,
    gap_update,
    gap_delete,
    gap_undelete,
    gap_overflow,
    snapshot,
    unknown,
};

// In the order of the enum in Salesforce's schemas; older ones end before SNAPSHOT.
inline constexpr std::string_view change_type_symbols[] = {"CREATE",       "UPDATE",     "DELETE",     "UNDELETE",
                                                           "GAP_CREATE",   "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE",
                                                           "GAP_OVERFLOW", "SNAPSHOT"};

// `likely` is the symbol's number in the schema that it comes from: mostly it is its number here, too.
constexpr change_type change_type_from(std::string_view symbol, std::uint64_t likely = 0) noexcept {
    if (likely < std::size(change_type_symbols) && symbol == change_type_symbols[likely]) [[likely]]
        return static_cast<change_type>(likely);
    for (std::uint8_t i = 0; i < std::size(change_type_symbols); ++i)
        if (symbol == change_type_symbols[i]) return static_cast<change_type>(i);
    return change_type::unknown;
}

// An Avro array of strings, read as it is iterated. A view into the payload.
class string_list {
  public:
    string_list() = default;
    string_list(std::span<const std::byte> payload, std::uint32_t at) noexcept : payload_(payload), at_(at) {}

    class iterator {
      public:
        using value_type = std::string_view;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        iterator(std::span<const std::byte> payload, std::uint32_t at) noexcept
            : at_(payload.data() + at), end_(payload.data() + payload.size()), done_(false) {
            ++*this;
        }
        std::string_view operator*() const noexcept { return text_; }
        iterator& operator++() noexcept {
            if (left_ == 0) begin_block();
            done_ = left_ == 0;
            if (!done_) read_text();
            return *this;
        }
        void operator++(int) noexcept { ++*this; }
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept { return i.done_; }

      private:
        // What cannot be read ends the list: whoever made it has found it sound.
        bool read(std::int64_t& out) noexcept {
            std::uint64_t raw = 0;
            const bool read = wire::read_varint(at_, end_, raw) == wire::varint_status::ok;
            return out = wire::zigzag_decode(raw), read;
        }
        void begin_block() noexcept {
            std::int64_t count = 0, size = 0;
            if (!read(count)) return;
            left_ = static_cast<std::uint64_t>(count);
            if (count < 0) [[unlikely]]
                left_ = read(size) ? ~left_ + 1 : 0;
        }
        void read_text() noexcept {
            std::int64_t length = 0;
            done_ = !read(length) || length < 0 || length > end_ - at_;
            if (done_) return;
            text_ = wire::as_chars({at_, static_cast<std::size_t>(length)});
            at_ += length;
            --left_;
        }

        const std::byte *at_ = nullptr, *end_ = nullptr;
        std::uint64_t left_ = 0; // of the block
        std::string_view text_;
        bool done_ = true;
    };

    iterator begin() const noexcept { return payload_.empty() ? iterator() : iterator(payload_, at_); }
    std::default_sentinel_t end() const noexcept { return {}; }
    bool empty() const noexcept { return begin() == end(); }
    std::size_t size() const noexcept {
        std::size_t n = 0;
        for (auto i = begin(); i != end(); ++i) ++n;
        return n;
    }

  private:
    std::span<const std::byte> payload_;
    std::uint32_t at_ = 0;
};

// ChangeEventHeader. Each getter reads its member from the payload when it is called; for a platform event, which has
// no header, and for a member that the schema lacks, it gives nothing or 0. A view into the payload, and into the plan
// that it came from, if there was one.
class event_header {
  public:
    event_header() = default;

    std::string_view entity_name() const noexcept { return text(member::entity_name); }
    // Record ids; not always of one record ("001*" stands for all accounts, GAP_OVERFLOW has none).
    string_list record_ids() const noexcept { return strings(member::record_ids); }
    cdc::change_type change_type() const noexcept {
        return change_type_from(change_type_name(), static_cast<std::uint64_t>(integer(member::change_type)));
    }
    // The symbol as the schema spells it.
    std::string_view change_type_name() const noexcept {
        if (at(member::change_type) == absent) return {};
        return change_type_symbol(plan_, static_cast<std::uint64_t>(integer(member::change_type)));
    }
    std::string_view change_origin() const noexcept { return text(member::change_origin); }
    std::string_view transaction_key() const noexcept { return text(member::transaction_key); }
    std::int32_t sequence_number() const noexcept {
        return static_cast<std::int32_t>(integer(member::sequence_number));
    }
    // Milliseconds since the epoch, UTC.
    std::int64_t commit_timestamp() const noexcept { return integer(member::commit_timestamp); }
    // Above 2^53 on some instances: not to be handled as a double.
    std::int64_t commit_number() const noexcept { return integer(member::commit_number); }
    std::string_view commit_user() const noexcept { return text(member::commit_user); }
    // The bitmaps as Salesforce wrote them; event::changed_fields() and its siblings have them as names.
    string_list nulled_fields() const noexcept { return strings(member::nulled_fields); }
    string_list diff_fields() const noexcept { return strings(member::diff_fields); }
    string_list changed_fields() const noexcept { return strings(member::changed_fields); }

  private:
    friend class event;
    friend result<event_header> read_header(std::span<const std::byte> payload) noexcept;

    enum class member : std::uint8_t {
        entity_name,
        record_ids,
        change_type,
        change_origin,
        transaction_key,
        sequence_number,
        commit_timestamp,
        commit_number,
        commit_user,
        nulled_fields,
        diff_fields,
        changed_fields,
    };
    // The symbol of a number; of a number without one nothing.
    static std::string_view change_type_symbol(const avro::plan* p, std::uint64_t number) noexcept {
        const auto in = [&](auto&& symbols) {
            return number < std::size(symbols) ? std::string_view(symbols[static_cast<std::size_t>(number)])
                                               : std::string_view();
        };
        if (p == nullptr) return in(change_type_symbols);
        const avro::schema& s = p->schema();
        return in(s.symbols(s[(*p)[p->header().change_type].node]));
    }

    static constexpr std::size_t members = avro::usual_header_members;
    static constexpr std::uint32_t absent = 0xffff'ffff;

    std::uint32_t at(member m) const noexcept { return at_[static_cast<std::size_t>(m)]; }
    avro::cursor read(member m) const noexcept {
        return at(m) == absent ? avro::cursor({}) : avro::cursor(payload_, at(m));
    }
    std::string_view text(member m) const noexcept {
        if (at(m) == absent) return {};
        const std::byte* const begin = payload_.data() + at(m);
        const auto length = static_cast<std::uint32_t>(*begin);
        if (length >= 0x80) [[unlikely]]
            return long_text(m);
        return wire::as_chars({begin + 1, length / 2});
    }
    [[gnu::noinline]] std::string_view long_text(member m) const noexcept { return read(m).read_string(); }
    std::int64_t integer(member m) const noexcept {
        std::uint64_t raw = 0;
        if (at(m) != absent) {
            const std::byte* begin = payload_.data() + at(m);
            static_cast<void>(wire::read_varint(begin, payload_.data() + payload_.size(), raw));
        }
        return wire::zigzag_decode(raw);
    }
    string_list strings(member m) const noexcept {
        return at(m) == absent ? string_list() : string_list(payload_, at(m));
    }

    std::span<const std::byte> payload_;
    std::uint32_t at_[members] = {absent, absent, absent, absent, absent, absent,
                                  absent, absent, absent, absent, absent, absent};
    const avro::plan* plan_ = nullptr; // null: the symbols are those of change_type_symbols
};

// The header alone, without a schema: in every change event it is the same record in front. For routing and indexing.
// What is behind it is not looked at. For a payload that is not a change event the error is only likely, not certain.
inline result<event_header> read_header(std::span<const std::byte> payload) noexcept {
    result<event_header> out;
    if (payload.size() > limits::payload_bytes) return out.error = {errc::payload_too_large, 0}, out;
    if (avro::usual_header(payload, 128, out.value.at_) != 0) [[likely]]
        return out.value.payload_ = payload, out;
    avro::cursor in(payload);
    std::size_t next = 0;
    const auto begin = [&] { out.value.at_[next++] = in.offset(); };
    const auto skip_strings = [&] {
        begin();
        while (std::uint64_t count = in.read_block())
            for (; count > 0 && !in.failed(); --count) in.read_bytes();
    };
    begin(), in.read_bytes();
    skip_strings();
    begin(), in.read_int();
    begin(), in.read_bytes();
    begin(), in.read_bytes();
    begin(), in.read_int();
    begin(), in.read_long();
    begin(), in.read_long();
    begin(), in.read_bytes();
    skip_strings(), skip_strings(), skip_strings();
    out.value.payload_ = payload;
    out.error = in.error();
    if (out.error) out.value = {};
    return out;
}

// What an event says of a field.
enum class field_state : std::uint8_t {
    unchanged,  // nothing: it was not touched, or the event has no body (DELETE, GAP_*)
    null,       // it was cleared, or (CREATE, UNDELETE) is empty, or may not be seen by the subscribing user
    value,      // a value is there; on an enriched channel also of a field that did not change
    wrong_type, // from get() only: there is a value, but of another type
};

template<class T> struct field_value {
    T value{};
    field_state state = field_state::unchanged;

    explicit operator bool() const noexcept { return state == field_state::value; }
};

// A view of one decoded event. Ends with the payload, the plan, and the next decode() of the same decoder.
class event {
  public:
    event() = default;

    const avro::plan& plan() const noexcept { return *plan_; }
    std::span<const std::byte> payload() const noexcept { return payload_; }

    // False for a platform event.
    bool has_header() const noexcept { return plan_->has_header(); }
    event_header header() const noexcept {
        event_header out;
        if (plan_->has_usual_header()) [[likely]] {
            out.payload_ = payload_;
            out.plan_ = plan_;
            const std::uint32_t first = plan_->header().entity_name.number;
            for (std::uint32_t i = 0; i < event_header::members; ++i) out.at_[i] = datum_->begin({first + i});
            return out;
        }
        if (!has_header()) return out;
        const auto fields = plan_->header().all();
        out.payload_ = payload_;
        out.plan_ = plan_;
        for (std::size_t i = 0; i < event_header::members; ++i)
            if (fields[i]) out.at_[i] = datum_->begin(fields[i]);
        return out;
    }

    // CREATE, DELETE and gap events have empty lists; that does not mean that nothing happened.
    field_list changed_fields() const noexcept { return list(changed_); }
    field_list nulled_fields() const noexcept { return list(nulled_); }
    // These hold a unified diff of a long text in place of the text.
    field_list diff_fields() const noexcept { return list(diff_); }

    // False for a field that is none.
    bool has_value(avro::field f) const noexcept { return f.number < plan_->size() && datum_->has(f); }

    // What the event says of its fields, for loops over many of them: only for fields of its plan.
    class states {
      public:
        bool has_value(avro::field f) const noexcept { return event_.datum_->has(f); }
        // Of a field that has one.
        avro::value value(avro::field f) const noexcept { return event_.value_there(f); }
        field_state operator[](avro::field f) const noexcept {
            if (has_value(f)) return field_state::value;
            if (absent_ != field_state::unchanged || !lists_count_) return absent_;
            const avro::field parent = (*event_.plan_)[f].parent;
            return listed(f) || (parent && listed(parent)) ? field_state::null : field_state::unchanged;
        }
        // Whether a field is unchanged unless it has a value or a list names it, or its compound.
        bool few() const noexcept { return absent_ == field_state::unchanged; }
        // Those that have a value or are in a list, but the header, in order, if the changed ones are all of them and none is
        // of a compound; otherwise nothing.
        std::span<const avro::field> all_named() const noexcept {
            const field_list changed = event_.changed_fields();
            const avro::plan& p = *event_.plan_;
            if (!lists_count_ || changed.empty() || changed.fields().back().number >= p.field_count()) return {};
            std::uint64_t others = 0;
            for (std::size_t i = 0; i < p.words(); ++i)
                others |= named(i) & ~(changed_.words()[i] | p.header_set().words()[i]);
            return others == 0 && !changed_.contains({0}) ? changed.fields() : std::span<const avro::field>();
        }
        // Whether a list names it.
        bool listed(avro::field f) const noexcept { return changed_.contains(f) || nulled_.contains(f); }
        // One word of the set of those that have a value or are in a list themselves.
        std::uint64_t named(std::size_t word) const noexcept {
            const auto of = [&](avro::field_set set) { return set.words().empty() ? 0 : set.words()[word]; };
            return event_.datum_->present().words()[word] | (lists_count_ ? of(changed_) | of(nulled_) : 0);
        }

      private:
        friend class event;
        explicit states(const event& e) noexcept
            : event_(e), changed_(e.changed_fields().set()), nulled_(e.nulled_fields().set()) {
            switch (e.has_header() ? e.change_type() : change_type::create) { // a platform event is whole
            case change_type::create:
            case change_type::undelete:
            case change_type::snapshot: absent_ = field_state::null; break;
            case change_type::update: lists_count_ = true; break;
            default: break;
            }
        }

        const event& event_;
        avro::field_set changed_, nulled_;
        field_state absent_ = field_state::unchanged; // of a field without a value, where the lists say nothing of it
        bool lists_count_ = false;
    };
    states field_states() const& noexcept { return states(*this); }
    states field_states() const&& = delete; // it looks into the event
    field_state state(avro::field f) const noexcept {
        if (f.number >= plan_->size()) return field_state::unchanged;
        return datum_->has(f) ? field_state::value : field_states()[f];
    }

    // Where the value of a field begins in the payload; of a union of several types, its branch index. Precondition: the
    // field has a value.
    std::uint32_t offset(avro::field f) const noexcept { return datum_->begin(f); }
    // The same for all fields, by their numbers. An entry is undefined where a field has no value.
    std::span<const std::uint32_t> offsets() const noexcept { return datum_->begins(); }
    // All fields that have a value, those of the header included.
    avro::field_set present() const noexcept { return datum_->present(); }

    // The value of a field that is there; a null value for one that is not.
    avro::value value(avro::field f) const noexcept { return has_value(f) ? value_there(f) : avro::value(); }

    // A field's value as T; avro::value::read() says which types convert.
    template<class T> field_value<T> get(avro::field f) const noexcept {
        field_value<T> out;
        out.state = state(f);
        if (out.state == field_state::value && !value(f).read(out.value)) out.state = field_state::wrong_type;
        return out;
    }

  private:
    friend class decoder;
    avro::value value_there(avro::field f) const noexcept {
        return {plan_->schema(), (*plan_)[f].node, payload_, datum_->begin(f)};
    }
    // header().change_type(), without looking up the other members.
    cdc::change_type change_type() const noexcept {
        const avro::field f = plan_->header().change_type;
        if (!f) return change_type::unknown;
        const std::byte* at = payload_.data() + datum_->begin(f);
        std::uint64_t number = 0; // zig-zag: of what is not negative the double
        static_cast<void>(wire::read_varint(at, payload_.data() + payload_.size(), number));
        return change_type_from(event_header::change_type_symbol(plan_, number / 2), number / 2);
    }

    field_list list(const field_list_memory* fields) const noexcept {
        return fields == nullptr ? field_list(*plan_, {}, {}) : fields->list(*plan_);
    }

    const avro::plan* plan_ = nullptr;
    const avro::datum* datum_ = nullptr;
    const field_list_memory *changed_ = nullptr, *nulled_ = nullptr, *diff_ = nullptr; // null: an empty list
    std::span<const std::byte> payload_;
};

// Scratch memory for decoding: one for each thread. Nothing is allocated after the first event of the widest plan.
class decoder {
  public:
    // The event's views look into the plan, the payload and this decoder: neither is to be moved while they are used.
    result<event> decode(const avro::plan& p, std::span<const std::byte> payload) & {
        prepare(p);
        return slots_[0].decode(p, payload);
    }
    // The event would outlive the plan, or the decoder.
    result<event> decode(const avro::plan&&, std::span<const std::byte>) & = delete;
    result<event> decode(const avro::plan&, std::span<const std::byte>) && = delete;

    // Calls f(index, const result<event>&) for each payload, in order; an event ends when f returns, which must not use this
    // decoder. Faster than one decode() after the other where fields are many: a dense payload waits for the next dense one,
    // and the two are walked together, while those between them wait for their turn.
    template<class F>
    void decode_each(const avro::plan& p, std::span<const std::span<const std::byte>> payloads, F&& f) {
        prepare(p);
        std::optional<avro::walker> walkers[slot_count];
        const auto walker = [&](std::size_t i) -> avro::walker& { return *walkers[i % slot_count]; };
        constexpr std::size_t none = ~std::size_t{0};
        std::size_t begun = 0, given = 0, first = none, second = none; // the last two: dense ones under way
        // Whether so many fields are likely to be there that it pays to walk it in turns with another one.
        const auto is_dense = [&](std::span<const std::byte> payload) {
            return payload.size() > 256 + 3 * std::size_t{p.field_count()};
        };
        while (given < payloads.size()) {
            if (begun == given && !is_dense(payloads[given])) { // alone, as most are
                f(given, slots_[0].decode(p, payloads[given]));
                begun = ++given;
                continue;
            }
            if (second == none && begun < payloads.size() && begun - given < slot_count) {
                const std::size_t i = begun++;
                walkers[i % slot_count].emplace(p, payloads[i], slots_[i % slot_count].datum).start();
                slots_[i % slot_count].begin(p, payloads[i], walker(i));
                if (is_dense(payloads[i]))
                    (first == none ? first : second) = i;
                else
                    slots_[i % slot_count].walk(p, walker(i));
            } else if (second == none) {
                walker(first).walk_on(), first = none;
            } else {
                avro::walker::walk_two(walker(first), walker(second));
                if (walker(second).done()) second = none;
                if (walker(first).done()) first = std::exchange(second, none);
            }
            for (; given < begun && given != first && given != second; ++given)
                f(given, slots_[given % slot_count].finished(walker(given)));
        }
    }

  private:
    struct slot {
        avro::datum datum;
        field_list_memory changed, nulled, diff;
        // What is there by the lists: the event's own fields in order, and all of it.
        std::vector<avro::field> own;
        std::vector<std::uint64_t> there;
        result<event> out;

        void prepare(const avro::plan& p) {
            datum.prepare(p);
            for (field_list_memory* list : {&changed, &nulled, &diff}) list->prepare(p);
            if (there.size() >= p.words()) return;
            own.resize(p.no_field());
            there.resize(p.words());
        }
        [[gnu::noinline]] const result<event>& decode(const avro::plan& p, std::span<const std::byte> payload) {
            avro::walker w(p, payload, datum);
            w.start();
            begin(p, payload, w);
            walk(p, w);
            return finished(w);
        }
        [[gnu::always_inline]] inline void walk(const avro::plan& p, avro::walker& w) {
            if (out.value.changed_ != nullptr) walk_listed(p, w);
            w.walk_on();
        }
        // The event as far as its header says it.
        [[gnu::always_inline]] inline void begin(const avro::plan& p, std::span<const std::byte> payload,
                                                 const avro::walker& w) {
            event& e = out.value;
            e = {};
            out.error = {};
            if (w.failed()) [[unlikely]]
                return;
            e.plan_ = &p;
            e.datum_ = &datum;
            e.payload_ = payload;
            if (!p.has_header()) [[unlikely]]
                return;
            const avro::header_fields& h = p.header();
            if (has_items(payload, h.changed_fields)) e.changed_ = expand(p, payload, h.changed_fields, changed);
            if (has_items(payload, h.nulled_fields)) e.nulled_ = expand(p, payload, h.nulled_fields, nulled);
            if (has_items(payload, h.diff_fields)) e.diff_ = expand(p, payload, h.diff_fields, diff);
        }
        bool has_items(std::span<const std::byte> payload, avro::field array) const noexcept {
            return array && payload[datum.begin(array)] != std::byte{0};
        }
        // One of the lists, as fields; an error if it is the first one.
        [[gnu::noinline]] const field_list_memory* expand(const avro::plan& p, std::span<const std::byte> payload,
                                                          avro::field array, field_list_memory& list) noexcept {
            const error bad = list.expand(p, payload, datum.begin(array));
            if (bad && !out.error) [[unlikely]]
                out.error = bad;
            return &list;
        }
        // If the lists name all that is there, it is what changed and is not null.
        [[gnu::always_inline]] inline void walk_listed(const avro::plan& p, avro::walker& w) noexcept {
            const field_list list = changed.list(p);
            if (out.value.nulled_ == nullptr && !list.empty() && list.fields().back().number < p.field_count())
                [[likely]]
                w.walk_listed(list.fields(), list.set(), 0);
            else
                walk_rest_of_lists(p, w);
        }
        [[gnu::noinline]] void walk_rest_of_lists(const avro::plan& p, avro::walker& w) noexcept {
            const field_list list = changed.list(p);
            const std::span<const std::uint64_t> changes = list.set().words(),
                                                 nulls = out.value.nulled_fields().set().words();
            for (std::size_t i = 0; i < p.words(); ++i) there[i] = changes[i] & ~(nulls.empty() ? 0 : nulls[i]);
            const auto is_there = [&](avro::field f) { return avro::field_set(there).contains(f); };
            std::size_t count = 0;
            auto f = list.fields().begin();
            for (; f != list.fields().end() && f->number < p.field_count(); ++f) {
                own[count] = *f;
                count += is_there(*f); // no branch on it
            }
            std::size_t children = 0;
            for (; f != list.fields().end(); ++f) { // a child brings its compound
                if (!is_there(*f)) continue;
                ++children;
                const avro::field parent = p[*f].parent;
                if (is_there(parent)) continue;
                there[parent.number / 64] |= std::uint64_t{1} << parent.number % 64;
                std::size_t at = count++;
                for (; at > 0 && own[at - 1].number > parent.number; --at) own[at] = own[at - 1];
                own[at] = parent;
            }
            w.walk_listed(std::span(own).first(count), avro::field_set(std::span(there).first(p.words())), children);
        }
        const result<event>& finished(avro::walker& w) {
            if (const error bad = w.finish()) [[unlikely]]
                out.error = bad;
            if (out.error) [[unlikely]]
                out.value = {};
            return out;
        }
    };
    void prepare(const avro::plan& p) {
        if (slots_[0].there.size() >= p.words()) [[likely]]
            return;
        for (slot& s : slots_) s.prepare(p);
    }

    static constexpr std::size_t slot_count = 16;
    slot slots_[slot_count];
};

} // namespace sfcdc::cdc
