// One stream carries the events of many objects. Who an event is for stands in its header, which reads without a schema
// and without a look at the body.
#include <sfcdc/sfcdc.hpp>

#include <cstdio>
#include <map>

using routes = std::map<std::string_view, const char*>; // which queue takes the events of which object

static void route(const routes& by_entity, std::string_view payload) {
    const auto [header, bad] = sfcdc::cdc::read_header(payload);
    // A platform event has no header: tell those by their topic, before this.
    if (bad) return void(std::printf("not a change event, byte %u: %s\n", bad.offset, bad.message()));

    const auto queue = by_entity.find(header.entity_name());
    if (queue == by_entity.end()) return void(std::puts("nobody wants it"));
    std::printf("%s:", queue->second);
    for (const std::string_view id : header.record_ids()) // one worker for each record keeps its changes in order
        std::printf(" %.*s", static_cast<int>(id.size()), id.data());
    std::printf(" %.*s\n", static_cast<int>(header.change_type_name().size()), header.change_type_name().data());
}

int main(int argc, char** argv) {
    const routes by_entity = {{"Account", "billing"}, {"Contact", "mailing"}};
    for (int i = 1; i < argc; ++i) {
        const auto [payload, bad] = sfcdc::wire::from_base64(argv[i]);
        if (bad) return std::printf("payload, character %u: %s\n", bad.offset, bad.message()), 1;
        route(by_entity, payload);
    }
}
