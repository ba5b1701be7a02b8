#include "change_event.hpp"

#include "avro_writer.hpp"

namespace emulator {
namespace {

void write_scalar(avro_writer& out, const scalar& value) {
    struct visitor {
        avro_writer& out;
        void operator()(std::monostate) const {}
        void operator()(bool v) const { out.write_boolean(v); }
        void operator()(std::int64_t v) const { out.write_long(v); }
        void operator()(double v) const { out.write_double(v); }
        void operator()(const std::string& v) const { out.write_string(v); }
    };
    std::visit(visitor{out}, value);
}

void write_nullable(avro_writer& out, const scalar& value) {
    out.write_long(std::holds_alternative<std::monostate>(value) ? 0 : 1);
    write_scalar(out, value);
}

void write_field(avro_writer& out, const field_shape& field, const field_value& value) {
    if (const auto* plain = std::get_if<scalar>(&value)) {
        write_nullable(out, *plain);
        return;
    }
    out.write_long(field.or_string ? 2 : 1);
    for (const scalar& child : std::get<compound>(value)) write_nullable(out, child);
}

void write_body(avro_writer& out, const event_schema& schema, const event_body& body, std::size_t first) {
    for (std::size_t position = first; position < schema.fields.size(); ++position) {
        static const field_value null;
        const auto found = body.find(position);
        write_field(out, schema.fields[position], found == body.end() ? null : found->second);
    }
}

} // namespace

std::string encode_change_event(const event_schema& schema, const change_event_header& header,
                                const event_body& body) {
    avro_writer out;
    out.write_string(schema.entity_name);
    out.write_strings(header.record_ids);
    out.write_long(static_cast<std::int64_t>(header.type));
    out.write_string(header.change_origin);
    out.write_string(header.transaction_key);
    out.write_long(header.sequence_number);
    out.write_long(header.commit_timestamp);
    out.write_long(header.commit_number);
    out.write_string(header.commit_user);
    out.write_strings(field_bitmaps(header.nulled_fields));
    out.write_strings(field_bitmaps(header.diff_fields));
    out.write_strings(field_bitmaps(header.changed_fields));
    write_body(out, schema, body, 1);
    return out.take();
}

std::string encode_platform_event(const event_schema& schema, const event_body& body) {
    avro_writer out;
    for (std::size_t position = 0; position < 2; ++position) write_scalar(out, std::get<scalar>(body.at(position)));
    write_body(out, schema, body, 2);
    return out.take();
}

} // namespace emulator
