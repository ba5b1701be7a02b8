#include <string>

int main() {
    const auto [plan, bad_schema] = sfcdc::cdc::compile(
        R"({"type":"record","name":"T","fields":[{"name":"BillingAddress","type":{"type":"record","name":"A","fields":[{"name":"City","type":["null","string"]}]}}]})");
    if (bad_schema) return 1;
    sfcdc::cdc::decoder decoder;
    for (const std::string_view payload : {std::string_view("\x02\x08"
                                                            "Bonn"),
                                           std::string_view("\0", 1)}) {
        const auto [event, bad] = decoder.decode(plan, sfcdc::wire::as_bytes(payload));
        if (bad) return 2;
        print_city(plan, event);
    }
}
