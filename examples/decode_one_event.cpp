// Decodes one change event and prints it as JSON.
#include <sfcdc/sfcdc.hpp>

#include <cstdio>
#include <cstdlib>
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
    if (argc != 3) return std::puts("usage: decode_one_event SCHEMA.avsc PAYLOAD_IN_BASE64"), 2;

    std::string schema;
    if (!read(argv[1], schema))
        return std::printf("%s: there is no schema to be read: it is missing, a folder or empty\n", argv[1]), 1;
    const auto [plan, bad_schema] = sfcdc::cdc::compile(schema);
    if (bad_schema) return std::printf("schema, byte %u: %s\n", bad_schema.offset, bad_schema.message()), 1;

    const auto [payload, bad_text] = sfcdc::wire::from_base64(argv[2]);
    if (bad_text) return std::printf("payload, character %u: %s\n", bad_text.offset, bad_text.message()), 1;

    sfcdc::cdc::decoder decoder; // keep it: it holds the memory that the next event uses again
    const auto [event, bad] = decoder.decode(plan, payload);
    if (bad) return std::printf("payload, byte %u: %s\n", bad.offset, bad.message()), 1;

    std::string json;
    sfcdc::row::append_event_json(event, json);
    std::puts(json.c_str());
    return 0;
}
