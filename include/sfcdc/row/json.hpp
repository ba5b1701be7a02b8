// Rows as JSON objects. Events as JSON, without a layout, are row/event_json.hpp.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <sfcdc/cdc/event.hpp>
#include <sfcdc/row/event_json.hpp>
#include <sfcdc/row/json_writer.hpp>
#include <sfcdc/row/layout.hpp>
#include <sfcdc/row/visit.hpp>
#include <sfcdc/wire/appender.hpp>

namespace sfcdc::row {

namespace detail {

struct json_columns {
    json_writer& writer;
    std::uint32_t replaced = 0; // inside JSON that is itself the text of a column

    void null() { writer.null(); }
    void integer(std::int32_t v) { writer.integer(v); }
    void bigint(std::int64_t v) { writer.integer(v); }
    void string(std::string_view v) { writer.string(v); }
    void binary(std::span<const std::byte> v) { writer.base64(v); }
    void hex(std::span<const std::byte> v) { writer.hex(v); }
    void base64(std::span<const std::byte> v) { writer.base64(v); }
    template<class Range> void string_array(const Range& v) { writer.strings(v); }
    template<class Append> void made_text(Append&& append) {
        writer.quoted([&](wire::appender& out) { replaced += append(out); });
    }
};

} // namespace detail

// One row as a JSON object; JSON columns are strings that hold JSON, as Zerobus wants them.
inline std::uint32_t append_json(const layout& l, const cdc::event& e, const envelope& around, std::string& out,
                                 const record& of = {}) {
    wire::appender appended(out);
    json_writer writer(appended);
    detail::json_columns columns{writer};
    const source from(e, around, of);
    bool first = true;
    writer.raw('{');
    for (const column& c : l.columns()) {
        writer.key(c.name, first);
        visit(c, from, columns);
    }
    writer.raw('}');
    return writer.replaced() + columns.replaced;
}

} // namespace sfcdc::row
