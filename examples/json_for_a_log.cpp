// A line of JSON for each event: what happened to which record, and which fields changed. The values stay out of it: a
// log is no place for customers' data.
#include <sfcdc/sfcdc.hpp>

#include <cstdio>
#include <fstream>
#include <sstream>

static bool read(const char* path, std::string& text) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf(); // fails when nothing can be read, and when not all can
    text = out.str();
    return out.good();
}

int main(int argc, char** argv) {
    if (argc < 3) return std::puts("usage: json_for_a_log SCHEMA.avsc PAYLOAD_IN_BASE64..."), 2;
    std::string schema;
    if (!read(argv[1], schema))
        return std::printf("%s: there is no schema to be read: it is missing, a folder or empty\n", argv[1]), 1;
    const auto [plan, bad_schema] = sfcdc::cdc::compile(schema);
    if (bad_schema) return std::printf("schema, byte %u: %s\n", bad_schema.offset, bad_schema.message()), 1;

    sfcdc::cdc::decoder decoder;
    std::string line; // kept: after the first few events it has room for every line
    for (int i = 2; i < argc; ++i) {
        const auto [payload, bad_text] = sfcdc::wire::from_base64(argv[i]);
        if (bad_text) return std::printf("character %u: %s\n", bad_text.offset, bad_text.message()), 1;
        const auto [event, bad] = decoder.decode(plan, payload);
        line = "{\"bytes\":" + std::to_string(payload.size());
        if (bad) {
            line.append(",\"error\":\"").append(bad.message()).append("\"}");
        } else { // control characters are escaped, so an event is one line whatever its texts hold
            line += ",\"header\":";
            sfcdc::row::append_header_json(event, line);
            line += ",\"fields\":";
            sfcdc::row::append_field_lists_json(event, line);
            line += "}";
        }
        std::puts(line.c_str());
    }
}
