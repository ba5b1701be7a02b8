// The table of one object, made from its schema: how to create it, and the rows of an event as JSON and as Arrow arrays.
#include <sfcdc/sfcdc.hpp>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

// typed_table SCHEMA.avsc BASE64...
int main(int argc, char** argv) {
    std::ifstream in(argc > 1 ? argv[1] : "");
    const std::string schema((std::istreambuf_iterator<char>(in)), {});
    const auto [plan, bad_schema] = sfcdc::cdc::compile(schema);
    if (bad_schema) return std::printf("schema, byte %u: %s\n", bad_schema.offset, bad_schema.message()), 1;
    const auto [table, bad_table] = sfcdc::row::typed_layout(plan);
    if (bad_table) return std::printf("field %u: %s\n", bad_table.offset, bad_table.message()), 1;
    std::printf("%s;\n", sfcdc::row::create_table_sql(table, "main.crm.contact_changes").c_str());

    sfcdc::row::arrow_batch batch(table);
    const sfcdc::row::bound_layout bound = sfcdc::row::bind(batch.layout(), plan); // once for each plan
    sfcdc::cdc::decoder decoder;
    for (int i = 2; i < argc; ++i) {
        const auto [payload, bad_text] = sfcdc::wire::from_base64(argv[i]);
        if (bad_text) return std::printf("character %u: %s\n", bad_text.offset, bad_text.message()), 1;
        const auto [event, bad] = decoder.decode(plan, payload);
        if (bad) return std::printf("byte %u: %s\n", bad.offset, bad.message()), 1;
        sfcdc::row::for_each_row(table, event, [&, &e = event](const sfcdc::row::record& of) {
            std::string json;
            sfcdc::row::append_json(bound, e, {}, json, of);
            std::printf("%s\n", json.c_str());
        });
        if (batch.append(bound, event, {}) != sfcdc::errc::none) return std::puts("the batch is full"), 1;
        batch.flush(); // the payload goes
    }
    ArrowArray columns;
    batch.close(&columns);
    std::printf("%lld rows in %lld columns\n", static_cast<long long>(columns.length),
                static_cast<long long>(columns.n_children));
    columns.release(&columns);
}
