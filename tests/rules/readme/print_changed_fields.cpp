#include <string>

int main() {
    const char* const schema =
        R"({"type":"record","name":"T","fields":[{"name":"ChangeEventHeader","type":{"type":"record","name":"H","fields":[
        {"name":"changedFields","type":{"type":"array","items":"string"}}]}},{"name":"Phone","type":["null","string"]},
        {"name":"BillingAddress","type":["null",{"type":"record","name":"A","fields":[{"name":"Street","type":["null","string"]},{"name":"City","type":["null","string"]}]}]}]})";
    const std::string payload = std::string("\x04\x08") + "0x02" + "\x0c" + "2-0x02" + std::string(3, '\0');
    if (print_changed_fields(schema, sfcdc::wire::as_bytes(payload)) != 0) return 1;
    if (print_changed_fields(schema, sfcdc::wire::as_bytes(payload + "x")) != 1) return 2;
    return print_changed_fields("{", sfcdc::wire::as_bytes(payload)) == 1 ? 0 : 3;
}
