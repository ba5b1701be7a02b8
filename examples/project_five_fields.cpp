// Five fields of an object that has hundreds: the others are stepped over in the bytes and never looked at.
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
    if (argc < 3) return std::puts("usage: project_five_fields SCHEMA.avsc PAYLOAD_IN_BASE64..."), 2;
    const std::string_view names[] = {"Email", "Phone", "MailingAddress.City", "MailingAddress.Street", "OwnerId"};

    std::string schema;
    if (!read(argv[1], schema))
        return std::printf("%s: there is no schema to be read: it is missing, a folder or empty\n", argv[1]), 1;
    const auto [whole, bad_schema] = sfcdc::cdc::compile(schema);
    if (bad_schema) return std::printf("schema, byte %u: %s\n", bad_schema.offset, bad_schema.message()), 1;
    const auto [plan, bad_name] = whole.project(names); // once for each schema; both plans may be used
    if (bad_name) return std::printf("%s: %s\n", names[bad_name.offset].data(), bad_name.message()), 1;

    sfcdc::cdc::decoder decoder;
    for (int i = 2; i < argc; ++i) {
        const auto [payload, bad_text] = sfcdc::wire::from_base64(argv[i]);
        if (bad_text) return std::printf("character %u: %s\n", bad_text.offset, bad_text.message()), 1;
        const auto [event, bad] = decoder.decode(plan, payload);
        if (bad) return std::printf("byte %u: %s\n", bad.offset, bad.message()), 1;
        for (const std::string_view name : names) {
            const auto text = event.get<std::string_view>(plan.find(name)); // keep find()'s answers where time counts
            switch (text.state) {
            case sfcdc::cdc::field_state::unchanged: continue; // the event says nothing of it
            case sfcdc::cdc::field_state::null: std::printf("%s was cleared\n", name.data()); break;
            case sfcdc::cdc::field_state::wrong_type: std::printf("%s is no text\n", name.data()); break;
            case sfcdc::cdc::field_state::value:
                std::printf("%s = %.*s\n", name.data(), static_cast<int>(text.value.size()), text.value.data());
            }
        }
    }
}
