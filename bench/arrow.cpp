// How long does it take from the bytes of events to Arrow arrays of every value?
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/row/arrow.hpp>
#include <sfcdc/row/typed_layout.hpp>
#include <sfcdc/sfcdc.hpp>

#include "avro_c.hpp"
#include "questions.hpp"

namespace bench {
namespace {

namespace cdc = sfcdc::cdc;
namespace row = sfcdc::row;

// Every value of the schema: the header's members, and the columns of the fields. The three bitmap lists are the names that
// they stand for.
row::layout all_columns(const sfcdc::cdc::plan& p, const std::string& data) {
    using enum row::column_source;
    std::vector<row::column> columns{
        {"entityName", entity_name},     {"recordIds", record_ids},           {"changeType", change_type},
        {"changeOrigin", change_origin}, {"transactionKey", transaction_key}, {"sequenceNumber", sequence_number},
        {"commitTimestamp", commit_ms},  {"commitNumber", commit_number},     {"commitUser", commit_user},
        {"nulledFields", nulled_fields}, {"diffFields", diff_fields},         {"changedFields", changed_fields}};
    const auto [typed, bad] = row::typed_layout(p);
    if (bad) throw wrong_answer(data + ": " + bad.message());
    for (const row::column& c : typed.columns())
        if (c.source == field) columns.push_back(c);
    return row::layout::make(std::move(columns)).value;
}

// The sum that peers/arrow_avro describes: of all lengths, numbers and counts.
class value_sum {
  public:
    std::uint64_t value = 0;

    void add_avro(const avro_value_t& unread) {
        const avro_value_t v = look_through(unread);
        switch (avro_value_get_type(&v)) {
        case AVRO_NULL: return;
        case AVRO_BOOLEAN: {
            int b = 0;
            avro_value_get_boolean(&v, &b);
            value += b != 0 ? 1 : 0;
            return;
        }
        case AVRO_INT32: return add(int_of(v));
        case AVRO_INT64: return add(long_of(v));
        case AVRO_DOUBLE: {
            double d = 0;
            avro_value_get_double(&v, &d);
            value += std::bit_cast<std::uint64_t>(d);
            return;
        }
        case AVRO_STRING:
        case AVRO_ENUM: value += text_of(v).size(); return;
        case AVRO_ARRAY: value += size_of(v); [[fallthrough]];
        case AVRO_RECORD:
            for (std::size_t i = 0; i < size_of(v); ++i) add_avro(child(v, i));
            return;
        default: throw wrong_answer("the data has a type that the check does not know");
        }
    }
    void add_texts(const cdc::string_list& texts) {
        for (const std::string_view text : texts) value += 1 + text.size();
    }
    void add_array(const row::column& c, const ArrowArray& a) {
        using enum row::column_type;
        const auto* const ends = static_cast<const std::int32_t*>(a.buffers[1]);
        for (std::int64_t i = 0; i < a.length; ++i) {
            if (a.buffers[0] != nullptr && !bit(a.buffers[0], i)) continue;
            switch (c.type()) {
            case boolean: value += bit(a.buffers[1], i) ? 1 : 0; break;
            case integer:
            case date: add(static_cast<const std::int32_t*>(a.buffers[1])[i]); break;
            case bigint:
            case timestamp: add(static_cast<const std::int64_t*>(a.buffers[1])[i]); break;
            case double_: value += static_cast<const std::uint64_t*>(a.buffers[1])[i]; break;
            case string: value += static_cast<std::uint64_t>(ends[i + 1] - ends[i]); break;
            case string_array: {
                const auto* const item_ends = static_cast<const std::int32_t*>(a.children[0]->buffers[1]);
                value +=
                    static_cast<std::uint64_t>(ends[i + 1] - ends[i] + item_ends[ends[i + 1]] - item_ends[ends[i]]);
                break;
            }
            default: throw wrong_answer("the layout has a type that the check does not know");
            }
        }
    }

  private:
    void add(std::int64_t n) { value += static_cast<std::uint64_t>(n); }
    static bool bit(const void* bits, std::int64_t i) {
        return (static_cast<const unsigned char*>(bits)[i / 8] >> i % 8 & 1) != 0;
    }
};

class conversion {
  public:
    conversion(const data_set& data, std::shared_ptr<const sfcdc::cdc::plan> p, std::size_t rows)
        : data_(data),
          plan_(std::move(p)),
          batch_(all_columns(*plan_, data.name), rows),
          bound_(row::bind(batch_.layout(), *plan_)),
          rows_(rows) {}

    // Calls f(batch) for each batch, which is released then.
    template<class F> void run(F&& f) {
        for (std::size_t at = 0; at < data_.events.size(); at += rows_) {
            const std::size_t n = std::min(rows_, data_.events.size() - at);
            decoder_.decode_each(*plan_, std::span(data_.events).subspan(at, n),
                                 [&](std::size_t, const sfcdc::result<cdc::event>& e) {
                                     if (e.error) throw wrong_answer(e.error.message());
                                     if (batch_.append(bound_, e.value, {}) != sfcdc::errc::none)
                                         throw wrong_answer("the batch is full");
                                 });
            ArrowArray out;
            batch_.close(&out);
            f(out);
            out.release(&out);
        }
    }
    const row::layout& layout() const { return batch_.layout(); }

  private:
    const data_set& data_;
    std::shared_ptr<const sfcdc::cdc::plan> plan_;
    row::arrow_batch batch_;
    row::bound_layout bound_;
    cdc::decoder decoder_;
    std::size_t rows_;
};

} // namespace

void add_arrow(const data_set& data, std::vector<contender>& out) {
    auto [compiled, bad_schema] = sfcdc::cdc::compile(*data.schema_json);
    if (bad_schema) throw wrong_answer(data.name + ": " + bad_schema.message());
    const auto p = std::make_shared<const sfcdc::cdc::plan>(std::move(compiled));

    value_sum expected, lists; // the lists are bitmaps in the payload, and names in the batch
    avro_c reference(*data.schema_json);
    for (const bytes payload : data.events) {
        if (!reference.read(payload)) avro_c::fail();
        expected.add_avro(reference.value());
        const cdc::event_header h = cdc::read_header(payload).value;
        for (const cdc::string_list& list : {h.nulled_fields(), h.diff_fields(), h.changed_fields()})
            lists.add_texts(list);
    }
    for (const std::size_t rows : {std::size_t{1000}, std::size_t{100}}) {
        const auto c = std::make_shared<conversion>(data, p, rows);
        value_sum found;
        std::uint64_t count = 0;
        c->run([&](const ArrowArray& batch) {
            count += static_cast<std::uint64_t>(batch.length);
            for (std::int64_t i = 0; i < batch.n_children; ++i) {
                const row::column& column = c->layout().columns()[static_cast<std::size_t>(i)];
                const bool names = column.source == row::column_source::nulled_fields
                                   || column.source == row::column_source::diff_fields
                                   || column.source == row::column_source::changed_fields;
                if (!names) found.add_array(column, *batch.children[i]);
            }
        });
        found.value += lists.value;
        if (count != data.events.size()) throw wrong_answer(data.name + ", to Arrow: the number of rows");
        if (found.value != expected.value) throw wrong_answer(data.name + ", to Arrow: the sum of all values");
        contender timed_run = timed("to Arrow by " + std::to_string(rows), data.events.size(), data.event_bytes,
                                    [c] { c->run([](const ArrowArray& batch) { keep(batch); }); });
        timed_run.rows = count;
        timed_run.sum = found.value;
        out.push_back(std::move(timed_run));
    }
}

} // namespace bench
