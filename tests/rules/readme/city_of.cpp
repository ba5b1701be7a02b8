#include <string>

int main() {
    const auto [plan, bad_schema] = sfcdc::cdc::compile(
        R"({"type":"record","name":"T","fields":[{"name":"ChangeEventHeader","type":{"type":"record","name":"H","fields":[
        {"name":"changeType","type":{"type":"enum","name":"ChangeType","symbols":["CREATE","UPDATE"]}},{"name":"changedFields","type":{"type":"array","items":"string"}}]}},
        {"name":"BillingAddress","type":["null",{"type":"record","name":"A","fields":[{"name":"City","type":["null","string"]}]}]}]})");
    if (bad_schema) return 1;
    const auto city = plan.find("BillingAddress.City");
    sfcdc::cdc::decoder decoder;
    const std::string set = std::string("\x02\x02\x0c") + "1-0x01" + std::string("\0\x02\x02\x08", 4) + "Bonn";
    if (city_of(decoder.decode(plan, sfcdc::wire::as_bytes(set)).value, city) != "Bonn") return 2;
    const std::string cleared = std::string("\x02\x02\x0c") + "1-0x01" + std::string("\0\0", 2);
    if (city_of(decoder.decode(plan, sfcdc::wire::as_bytes(cleared)).value, city) != "(none)") return 3;
    const std::string untouched("\x02\0\0", 3);
    return city_of(decoder.decode(plan, sfcdc::wire::as_bytes(untouched)).value, city) == "(unchanged)" ? 0 : 4;
}
