// Events as a stream of Arrow batches and as JSON rows, for Python to compare. A shared library with a C interface:
//
//     sfcdc_open   fills an ArrowArrayStream with batches of the events' typed rows
//     sfcdc_json   the same rows as JSON, one a line; freed by sfcdc_free
//
// A schema's table has DECIMAL(20,2) for the fields whose names end with "Money__c", and arrays for multi-select picklists. Both
// copy their input, and return 0 or an errno value. `rows_of_a_batch` closes a batch at the first event that reaches so many
// rows; 0 makes one batch of all events, also of none. The envelope is the same for all events.
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/arrow.hpp>
#include <sfcdc/row/arrow_stream.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/row/typed_layout.hpp>

#define SFCDC_EXPORTED extern "C" [[gnu::visibility("default")]]

using namespace sfcdc;

namespace {

const std::string replay("\x00\x01\xff\x10", 4);
const row::envelope around{.event_id = "e-1",
                           .schema_id = "schema-1",
                           .topic_name = "/data/ChangeEvents",
                           .org_id = "00Dxx0000000001",
                           .replay_id = wire::as_bytes(replay),
                           .received_timestamp = 1'760'000'001'234,
                           .epoch = 3};

// The plan of a schema, its table, and the payloads of events. It has one address for life: bound layouts look into it.
class events {
  public:
    events(const char* schema_json, const unsigned char* payloads, const std::uint32_t* sizes, std::size_t count)
        : payloads_(reinterpret_cast<const char*>(payloads), sum(sizes, count)), sizes_(sizes, sizes + count) {
        auto [p, bad_schema] = cdc::compile(schema_json);
        if (bad_schema) return;
        plan_ = std::move(p);
        std::vector<row::decimal_field> decimals;
        for (std::uint32_t f = 0; f < plan_.field_count(); ++f)
            if (plan_.name({f}).ends_with("Money__c"))
                decimals.push_back({.field = plan_.name({f}), .precision = 20, .scale = 2});
        auto [l, bad_table] = row::typed_layout(plan_, {.decimals = decimals, .multi_picklist_arrays = true});
        if (bad_table) return;
        layout_ = std::move(l);
        sound_ = true;
    }
    events(const events&) = delete;

    bool sound() const noexcept { return sound_; }
    const cdc::plan& plan() const noexcept { return plan_; }
    const row::layout& layout() const noexcept { return layout_; }
    bool at_end() const noexcept { return next_ == sizes_.size(); }
    void pass() noexcept { begin_ += sizes_[next_++]; }
    std::size_t passed() const noexcept { return next_; }
    // The event that has not been passed; a view until the next one is decoded.
    result<cdc::event> decode() {
        return decoder_.decode(plan_, wire::as_bytes(std::string_view(payloads_).substr(begin_, sizes_[next_])));
    }

  private:
    static std::size_t sum(const std::uint32_t* sizes, std::size_t count) noexcept {
        std::size_t out = 0;
        for (std::size_t i = 0; i < count; ++i) out += sizes[i];
        return out;
    }

    const std::string payloads_;
    const std::vector<std::uint32_t> sizes_;
    std::size_t next_ = 0, begin_ = 0;
    cdc::plan plan_;
    row::layout layout_;
    cdc::decoder decoder_;
    bool sound_ = false;
};

// Fills one batch after the other.
struct batches {
    events from;
    std::size_t rows_of_a_batch;
    row::arrow_batch batch{from.layout()};
    row::bound_layout bound{batch.layout(), from.plan()};
    bool any = false;

    bool next(ArrowArray* out, std::string& error) {
        if (from.at_end() && (any || rows_of_a_batch != 0)) return false;
        while (!from.at_end() && (rows_of_a_batch == 0 || batch.rows() < rows_of_a_batch)) {
            const auto [e, bad] = from.decode();
            if (bad) {
                error = "event " + std::to_string(from.passed()) + ": " + bad.message();
                return false;
            }
            if (const errc refused = batch.append(bound, e, around); refused != errc::none) {
                error = "event " + std::to_string(from.passed()) + " is refused";
                return false;
            }
            from.pass();
        }
        any = true;
        batch.close(out);
        return true;
    }
};

} // namespace

SFCDC_EXPORTED int sfcdc_open(const char* schema_json, const unsigned char* payloads, const std::uint32_t* sizes,
                              std::size_t count, std::size_t rows_of_a_batch, ArrowArrayStream* out) {
    events checked(schema_json, payloads, sizes, 0);
    if (!checked.sound()) return EINVAL;
    auto all = std::unique_ptr<batches>(
        new batches{.from = {schema_json, payloads, sizes, count}, .rows_of_a_batch = rows_of_a_batch});
    const row::layout layout = all->from.layout();
    row::export_stream(
        layout, [all = std::move(all)](ArrowArray* batch, std::string& error) { return all->next(batch, error); },
        out);
    return 0;
}

SFCDC_EXPORTED int sfcdc_json(const char* schema_json, const unsigned char* payloads, const std::uint32_t* sizes,
                              std::size_t count, char** out) {
    events from(schema_json, payloads, sizes, count);
    if (!from.sound()) return EINVAL;
    const row::bound_layout bound(from.layout(), from.plan());
    std::string lines;
    for (; !from.at_end(); from.pass()) {
        const auto [e, bad] = from.decode();
        if (bad) return EIO;
        row::for_each_row(from.layout(), e, [&](const row::record& of) {
            row::append_json(bound, e, around, lines, of);
            lines += '\n';
        });
    }
    *out = strdup(lines.c_str());
    return *out == nullptr ? ENOMEM : 0;
}

SFCDC_EXPORTED void sfcdc_free(char* text) { std::free(text); }
