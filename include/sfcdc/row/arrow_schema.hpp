// The schema of a layout's batches, handed over through Arrow's C data interface.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <sfcdc/row/arrow_abi.hpp>
#include <sfcdc/row/column.hpp>
#include <sfcdc/row/layout.hpp>

namespace sfcdc::inline v0::row {

namespace detail {

// Source: Apache Arrow, "Data type description -- format strings".
inline std::string arrow_format(const column& c) {
    switch (c.type()) {
    case column_type::boolean: return "b";
    case column_type::integer: return "i";
    case column_type::bigint: return "l";
    case column_type::double_: return "g";
    case column_type::date: return "tdD";
    case column_type::timestamp: return "tsu:UTC";
    case column_type::binary: return "z";
    case column_type::string_array: return "+l";
    case column_type::decimal: return "d:" + std::to_string(c.precision) + "," + std::to_string(c.scale);
    case column_type::string: break;
    }
    return "u";
}

// One exported schema and its children. It owns itself until its release callback runs. A child may be moved away and be
// released after its parent, so that each schema owns what it points to.
struct exported_schema {
    std::string format, name;
    std::vector<std::unique_ptr<ArrowSchema>> children;
    std::vector<ArrowSchema*> pointers;

    ~exported_schema() {
        for (const auto& child : children)
            if (child->release != nullptr) child->release(child.get());
    }
    static void fill(ArrowSchema* out, std::string format, std::string name, std::int64_t flags,
                     std::vector<std::unique_ptr<ArrowSchema>> children = {}) {
        auto self = std::make_unique<exported_schema>();
        self->format = std::move(format);
        self->name = std::move(name);
        self->children = std::move(children);
        for (const auto& child : self->children) self->pointers.push_back(child.get());
        *out = {.format = self->format.c_str(),
                .name = self->name.c_str(),
                .metadata = nullptr,
                .flags = flags,
                .n_children = static_cast<std::int64_t>(self->pointers.size()),
                .children = self->pointers.data(),
                .dictionary = nullptr,
                .release = release,
                .private_data = self.get()};
        self.release();
    }
    static void release(ArrowSchema* s) {
        delete static_cast<exported_schema*>(s->private_data);
        s->release = nullptr;
    }
};

} // namespace detail

// Fills `out`, whose content before does not matter, with the schema of a record batch: a struct with one child for each
// column, in the layout's order, all of which may be null. Nothing of the layout is needed afterwards. The consumer calls
// out->release when it is done.
inline void export_schema(const layout& l, ArrowSchema* out) {
    std::vector<std::unique_ptr<ArrowSchema>> columns;
    for (const column& c : l.columns()) {
        std::vector<std::unique_ptr<ArrowSchema>> items;
        if (c.type() == column_type::string_array) {
            items.push_back(std::make_unique<ArrowSchema>());
            detail::exported_schema::fill(items[0].get(), "u", "item", ARROW_FLAG_NULLABLE);
        }
        columns.push_back(std::make_unique<ArrowSchema>());
        detail::exported_schema::fill(columns.back().get(), detail::arrow_format(c), c.name, ARROW_FLAG_NULLABLE,
                                      std::move(items));
    }
    detail::exported_schema::fill(out, "+s", "", 0, std::move(columns));
}

} // namespace sfcdc::inline v0::row
