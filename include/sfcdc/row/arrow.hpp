// Batches of events as Arrow arrays, handed over through Arrow's C data interface: every value in the type of its column.
//
// Values are noted first, field by field, and converted when a field has 64 of them: then all values of a loop have one type, and a
// column's memory is written from its beginning to its end. A column that no event touches costs nothing until the batch is closed.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/avro/read.hpp>
#include <sfcdc/cdc/event.hpp>
#include <sfcdc/error.hpp>
#include <sfcdc/limits.hpp>
#include <sfcdc/row/arrow_abi.hpp>
#include <sfcdc/row/arrow_column.hpp>
#include <sfcdc/row/arrow_memory.hpp>
#include <sfcdc/row/arrow_noted.hpp>
#include <sfcdc/row/arrow_schema.hpp>
#include <sfcdc/row/arrow_source.hpp>
#include <sfcdc/row/arrow_visitor.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/field_value.hpp>
#include <sfcdc/row/source.hpp>
#include <sfcdc/row/visit.hpp>

namespace sfcdc::inline v0::row {

// Collects the rows of events and closes them as one record batch, again and again. Its memory is reused for the next batch
// as soon as the consumer has released a former one; the columns are those of one layout, while the schemas of the events may
// change from event to event. It is used by one thread; exported batches may be released by any.
class arrow_batch {
  public:
    // Copies the layout. `rows` is how many rows a batch is expected to have.
    explicit arrow_batch(row::layout l, std::size_t rows = 1024) : layout_(std::move(l)), expected_rows_(rows) {
        for (const column& c : layout_.columns()) {
            is_list_.push_back(c.type() == column_type::string_array);
            has_records_ |= c.source == column_source::record_id || c.source == column_source::record_ordinal;
        }
        has_records_ |= layout_.rows() == granularity::record;
        columns_.resize(is_list_.size());
        payloads_.resize(most_noted);
    }
    arrow_batch(const arrow_batch&) = delete;
    ~arrow_batch() {
        for (detail::batch_memory* m : memories_) m->drop();
    }

    // Binding to a plan is for this object's own copy of the layout.
    const row::layout& layout() const noexcept { return layout_; }
    std::size_t rows() const noexcept { return rows_; }
    // Bytes that were not UTF-8 and became U+FFFD in the batches so far.
    std::uint32_t replaced() const noexcept {
        std::uint32_t sum = 0;
        for (const detail::arrow_column& c : columns_) sum += c.replaced();
        return sum;
    }

    // Adds the rows of one event. `bound` is made by bind(layout(), plan) for the event's plan. The payload, the plan and `bound`
    // must stay until flush() or close(); the event and the envelope need not. After an error nothing is added:
    // errc::bound_to_another if `bound` is of another layout, or of another plan than the event is decoded with;
    // errc::batch_full if a column might become larger than limits::arrow_column_bytes. An event of so many records that it is
    // refused by an empty batch, too, fits none.
    errc append(const bound_layout&& bound, const cdc::event& e, const envelope& around) = delete; // It must stay.
    errc append(const bound_layout& bound, const cdc::event& e, const envelope& around) {
        if (&bound.layout() != &layout_ || &bound.plan() != &e.plan()) return errc::bound_to_another;
        begin();
        if (&bound != bound_) change_schema(bound);
        const std::uint64_t row_bytes = most_bytes_of_row(e, around);
        if (row_bytes * rows_of(e) > limits::arrow_column_bytes - bytes_) return errc::batch_full;
        const auto add = [&](const record& of) {
            payloads_[noted_] = avro::sound_payload(e.payload());
            values_.add(noted_, e);
            visit_others(e, around, of);
            bytes_ += row_bytes;
            ++rows_;
            if (++noted_ == most_noted)
                convert_noted();
            else if (noted_ % (detail::noted_values::room / 2) == 0)
                convert_lists(detail::noted_values::room / 2 + 1);
        };
        if (has_records_)
            for_each_row(layout_, e, add);
        else
            add({});
        return errc::none;
    }

    // Converts what was added so far: payloads, plan and bound layout may go.
    void flush() {
        convert_noted();
        bound_ = nullptr;
    }

    // Hands the rows over as a record batch, which may have none, and begins the next one. What `out` held does not matter. The
    // consumer calls out->release, or those of the children that it has moved away, from any thread and in any order; the batch
    // may be gone by then.
    void close(ArrowArray* out) {
        begin();
        flush();
        const std::size_t count = columns_.size();
        memory_->reserve_zeros(detail::arrow_column::zeros_for(rows_));
        for (std::size_t i = 0; i < count; ++i) columns_[i].describe(*memory_, i, rows_);
        memory_->export_to(out, static_cast<std::int64_t>(rows_));
        memory_ = nullptr;
        rows_ = first_noted_ = bytes_ = 0;
    }

  private:
    // How many rows may be noted before all of them are converted, because their payloads leave the caches.
    static constexpr std::uint32_t most_noted = 1024;

    // How many rows the event gives.
    std::size_t rows_of(const cdc::event& e) const noexcept {
        if (layout_.rows() == granularity::event) return 1;
        return std::max<std::size_t>(e.header().record_ids().size(), 1);
    }
    // The most that a row can add to one column: a payload is up to six times as long as JSON, which also has the names of fields.
    std::uint64_t most_bytes_of_row(const cdc::event& e, const envelope& around) const noexcept {
        return 6 * std::uint64_t{e.payload().size()} + name_bytes_ + around.schema_json.size()
               + 2 * around.replay_id.size() + around.event_id.size() + around.topic_name.size();
    }

    // Memory for a new batch: of one that was released, or new.
    void begin() {
        if (memory_ != nullptr) return;
        for (detail::batch_memory* m : memories_)
            if (m->is_mine_alone()) memory_ = m;
        if (memory_ == nullptr) memories_.push_back(memory_ = new detail::batch_memory(is_list_));
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            const column& c = layout_.columns()[i];
            const bool never_null = c.type() == column_type::string_array && c.source != column_source::field;
            columns_[i].begin(c.type(), never_null, expected_rows_, memory_->columns[i], memory_->items[i]);
        }
    }

    void change_schema(const bound_layout& bound) {
        convert_noted();
        bound_ = &bound;
        const cdc::plan& p = bound.plan();
        name_bytes_ = longest_name_ = 0;
        for (std::uint32_t f = 0; f < p.size(); ++f) {
            name_bytes_ += p.names()[f].size() + 16;
            longest_name_ = std::max(longest_name_, p.names()[f].size());
        }
        for (const column& c : layout_.columns()) name_bytes_ += c.name.size();
        wanted_.assign(p.words(), 0);
        sources_.assign(columns_.size(), {});
        column_of_.assign(p.no_field(), no_column);
        next_.assign(columns_.size(), no_column);
        others_.clear();
        names_.clear();
        for (std::uint32_t i = 0; i < columns_.size(); ++i) {
            const column_source of = layout_.columns()[i].source;
            const detail::arrow_source s = sources_[i] = detail::source_of(bound, i);
            if (s) {
                next_[i] = std::exchange(column_of_[s.field.number], i);
                wanted_[s.field.number / 64] |= std::uint64_t{1} << s.field.number % 64;
            } else if (of == column_source::changed_fields || of == column_source::nulled_fields
                       || of == column_source::diff_fields) {
                names_.push_back(i);
            } else if (of != column_source::field || bound[i]) {
                others_.push_back(i);
            }
        }
        values_.reset(p, wanted_);
    }

    // The columns that are of no place in the payload: what they are made of ends with the event.
    void visit_others(const cdc::event& e, const envelope& around, const record& of) {
        for (const std::uint32_t i : names_) {
            const column_source list = layout_.columns()[i].source;
            const cdc::field_list names = list == column_source::changed_fields  ? e.changed_fields()
                                          : list == column_source::nulled_fields ? e.nulled_fields()
                                                                                 : e.diff_fields();
            if (!names.empty())
                columns_[i].put_names(rows_, names, std::min(names.size() * longest_name_, name_bytes_));
        }
        if (others_.empty()) return;
        const source from(e, around, of, bound_);
        for (const std::uint32_t i : others_) {
            detail::arrow_visitor to(columns_[i], rows_, layout_.columns()[i], scratch_);
            visit(*bound_, i, from, to);
        }
    }

    void convert_noted() {
        if (noted_ == 0) return;
        convert_lists(1);
        noted_ = 0;
        first_noted_ = rows_;
    }
    // Converts what is noted of the fields that have so many values, and more.
    void convert_lists(std::size_t least) {
        values_.make_header_lists(least, noted_);
        for (std::uint32_t word = 0; word < wanted_.size(); ++word)
            for (std::uint64_t bits = wanted_[word]; bits != 0; bits &= bits - 1) {
                const std::uint32_t field = 64 * word + static_cast<std::uint32_t>(std::countr_zero(bits));
                const auto values = values_.of(field);
                if (values.size() < least) continue;
                for (std::uint32_t i = column_of_[field]; i != no_column; i = next_[i]) convert(i, values);
                values_.clear(field);
            }
    }
    // In line everywhere, which g++ does not do with a lambda that is used so often.
    struct integer_reader {
        const avro::sound_payload* payloads;
        [[gnu::always_inline]] std::int64_t operator()(const detail::noted_value& v) const noexcept {
            return payloads[v.row].integer(v.begin);
        }
    };
    void convert(std::uint32_t i, std::span<const detail::noted_value> values) {
        const detail::arrow_source& s = sources_[i];
        detail::arrow_column& to = columns_[i];
        const avro::sound_payload* const payloads = payloads_.data();
        const std::size_t first = first_noted_;
        const integer_reader integer{payloads};
        const auto each = [](auto&& get) {
            return [get](const detail::noted_value& v, auto& out) {
                out = get(v);
                return true;
            };
        };
        const auto each_that_fits = [&](auto&& convert) {
            return [integer, convert](const detail::noted_value& v, auto& out) {
                const auto made = convert(integer(v));
                out = made.value_or(0);
                return made.has_value();
            };
        };
        switch (s.how) {
        case conversion::text: return convert_texts(to, values, s);
        case conversion::symbol: {
            const avro::schema& types = bound_->plan().schema();
            const auto symbols = types.symbols(types[s.symbols]);
            return to.put_many_texts(first, values, [integer, symbols](const detail::noted_value& v) {
                return detail::readable_text{symbols[static_cast<std::size_t>(integer(v))]}; // a walk has checked it
            });
        }
        case conversion::boolean:
            return to.put_booleans(first, values,
                                   [&](const detail::noted_value& v) { return payloads[v.row].boolean(v.begin); });
        case conversion::bigint: return to.put_numbers<std::int64_t>(first, values, each(integer));
        case conversion::double_:
            return to.put_numbers<double>(first, values, each([payloads](const detail::noted_value& v) {
                                              return payloads[v.row].double_(v.begin);
                                          }));
        case conversion::float_to_double:
            return to.put_numbers<double>(first, values, each([payloads](const detail::noted_value& v) {
                                              return double{payloads[v.row].float_(v.begin)};
                                          }));
        case conversion::integer_to_double:
            return to.put_numbers<double>(first, values, each([integer](const detail::noted_value& v) {
                                              return static_cast<double>(integer(v));
                                          }));
        case conversion::integer:
            return to.put_numbers<std::int32_t>(first, values, each_that_fits([](std::int64_t n) {
                                                    const auto narrow = static_cast<std::int32_t>(n);
                                                    return n == narrow ? std::optional(narrow) : std::nullopt;
                                                }));
        case conversion::ms_to_timestamp:
            return to.put_numbers<std::int64_t>(first, values, each_that_fits(microseconds_of));
        case conversion::ms_to_date: return to.put_numbers<std::int32_t>(first, values, each_that_fits(days_of));
        default: break;
        }
        const column& c = layout_.columns()[i];
        while (!values.empty()) {
            if (s.how == conversion::texts) {
                values = values.subspan(to.put_single_texts(first, values, [payloads](const detail::noted_value& v) {
                    return single_text(payloads[v.row], v.begin);
                }));
                if (values.empty()) return;
            }
            const detail::noted_value& v = values.front();
            convert_one(to, first + v.row, c, s, payloads[v.row], v.begin);
            values = values.subspan(1);
        }
    }
    void convert_texts(detail::arrow_column& to, std::span<const detail::noted_value> values,
                       const detail::arrow_source& s) {
        const avro::sound_payload* const payloads = payloads_.data();
        if (s.has_branch || s.empty_is_null) // some are no texts
            return to.put_many_texts(first_noted_, values, [payloads, &s](const detail::noted_value& v) {
                const avro::sound_payload& payload = payloads[v.row];
                std::uint32_t at = v.begin;
                if (s.has_branch) {
                    if (payload.integer(at) != s.branch) return detail::readable_text{{}, 0, false};
                    at += payload.integer_bytes(at);
                }
                const std::string_view text = payload.text(at);
                return detail::readable_text{text, payload.readable(text), !(s.empty_is_null && text.empty())};
            });
        to.put_many_texts(first_noted_, values, [payloads](const detail::noted_value& v) {
            const std::string_view text = payloads[v.row].text(v.begin);
            return detail::readable_text{text, payloads[v.row].readable(text)};
        });
    }
    // An array of one short text in one block, as recordIds mostly is: its count, the text, and the end of the array.
    static detail::readable_text single_text(const avro::sound_payload& payload, std::uint32_t at) {
        constexpr detail::readable_text none{{}, 0, false};
        if (payload.byte(at) != std::byte{2} || payload.byte(at + 1) >= std::byte{0x80}) return none;
        const std::string_view text = payload.text(at + 1);
        if (payload.byte(at + 2 + static_cast<std::uint32_t>(text.size())) != std::byte{0}) return none;
        return {text, payload.readable(text)};
    }
    // What is rare, or made as text.
    void convert_one(detail::arrow_column& to, std::size_t row, const column& c, const detail::arrow_source& s,
                     const avro::sound_payload& payload, std::uint32_t at) {
        const auto put_decimal = [&](const std::optional<short_text>& digits) {
            if (digits) to.put_decimal(row, *digits, c.scale);
        };
        switch (s.how) {
        case conversion::bytes: return to.put_bytes(row, wire::as_bytes(payload.text(at)));
        case conversion::double_to_decimal: return put_decimal(decimal_of(payload.double_(at), c.precision, c.scale));
        case conversion::integer_to_decimal:
            return put_decimal(decimal_of(payload.integer(at), c.precision, c.scale));
        case conversion::ms_to_time:
            if (const auto text = time_of(payload.integer(at))) to.put_text(row, *text);
            return;
        case conversion::texts: return to.put_texts(row, cdc::string_list(payload.bytes(), at));
        default: return;
        }
    }

    static constexpr std::uint32_t no_column = bound_field::no_column;

    const row::layout layout_;
    const std::size_t expected_rows_;
    std::vector<bool> is_list_;
    bool has_records_ = false; // whether the event's record ids matter
    std::vector<detail::arrow_column> columns_;
    std::vector<detail::batch_memory*> memories_; // each is held once by this batch
    detail::batch_memory* memory_ = nullptr;      // of the batch that is filled

    const bound_layout* bound_ = nullptr;
    std::vector<detail::arrow_source> sources_;   // by column
    std::vector<std::uint32_t> column_of_, next_; // the first column of a field, and the next one of the same field
    std::vector<std::uint32_t> names_, others_;   // columns of field lists, and those that each row is visited for
    std::size_t rows_ = 0;
    std::uint64_t bytes_ = 0;      // The most that one column may have.
    std::size_t longest_name_ = 0; // Of the plan's fields.
    std::size_t name_bytes_ = 0;   // The names of all fields and columns, with what JSON writes around them.

    // Rows that are noted and not converted, all of whose payloads are kept; the first of them is the batch's row first_noted_.
    std::uint32_t noted_ = 0;
    std::size_t first_noted_ = 0;
    std::vector<std::uint64_t> wanted_; // fields that have a column, as a set
    detail::noted_values values_;
    std::vector<avro::sound_payload> payloads_;
    std::string scratch_;
};

} // namespace sfcdc::inline v0::row
