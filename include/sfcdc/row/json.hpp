// Rows as JSON objects. Events as JSON, without a layout, are row/event_json.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/bind.hpp>
#include <sfcdc/row/convert.hpp>
#include <sfcdc/row/json_writer.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/visit.hpp>
#include <sfcdc/wire/appender.hpp>

namespace sfcdc::inline v0::row {

namespace detail {

struct json_columns {
    json_writer& writer;
    std::uint32_t replaced = 0; // inside JSON that is itself the text of a column

    void null() { writer.null(); }
    void integer(std::int32_t v) { writer.integer(v); }
    void bigint(std::int64_t v) { writer.integer(v); }
    void boolean(bool v) { writer.boolean(v); }
    void floating(double v) { writer.floating(v); }
    void decimal(std::string_view v) { writer.string(v); }
    void date(std::int32_t days) { writer.string(date_text(days)); }
    void timestamp(std::int64_t us) { writer.integer(us); }
    void string(std::string_view v, std::size_t readable = 0) { writer.string(v, readable); }
    void binary(std::span<const std::byte> v) { writer.base64(v); }
    void hex(std::span<const std::byte> v) { writer.hex(v); }
    void base64(std::span<const std::byte> v) { writer.base64(v); }
    template<class Range> void string_array(const Range& v) { writer.strings(v); }
    template<class Append> void made_text(Append&& append) {
        writer.quoted([&](wire::appender& out) { replaced += append(out); });
    }
};

// Appends one row. `bound` is null exactly if the layout has no columns of fields and is not bound to a plan. The function is inlined into
// both of its callers, so that the compiled loop does not test the pointer.
[[gnu::always_inline]] inline std::uint32_t append_json_row(const layout& l, const bound_layout* bound,
                                                            const cdc::event& e, const envelope& around,
                                                            std::string& out, const record& of) {
    wire::appender appended(out);
    json_writer writer(appended);
    json_columns columns{writer};
    const source from(e, around, of, bound);
    const std::span<const column> all = l.columns();
    bool first = true;
    writer.raw('{');
    for (std::size_t i = 0; i < all.size(); ++i) {
        writer.key(all[i].name, first);
        bound != nullptr ? visit(*bound, i, from, columns) : visit(all[i], from, columns);
    }
    writer.raw('}');
    return writer.replaced() + columns.replaced;
}

} // namespace detail

// Appends one row as a JSON object. Columns of JSON are strings that hold it, timestamps are microseconds since the epoch,
// dates "2026-11-27", decimals strings of their digits. Returns how many bytes were replaced because they were not UTF-8.
inline std::uint32_t append_json(const bound_layout& bound, const cdc::event& e, const envelope& around,
                                 std::string& out, const record& of = {}) {
    return detail::append_json_row(bound.layout(), &bound, e, around, out, of);
}

// The same for an event of any schema. A layout without columns of fields needs no bind(); one with them is bound here, for
// this row alone, which takes as long as compile().
inline std::uint32_t append_json(const layout& l, const cdc::event& e, const envelope& around, std::string& out,
                                 const record& of = {}) {
    if (l.has_fields()) return append_json(bind(l, e.plan()), e, around, out, of);
    return detail::append_json_row(l, nullptr, e, around, out, of);
}

} // namespace sfcdc::inline v0::row
