// Any text as a replay id in hexadecimal or base64, and any bytes as both, there and back.
#include "fuzz.hpp"

#include <sfcdc/pubsub/replay_id.hpp>

using namespace sfcdc;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::exact_bytes input({data, size});
    if (const auto [id, bad] = pubsub::replay_id::from_hex(input.text()); !bad) {
        fuzz::require(id.bytes().size() * 2 == size);
        fuzz::require(pubsub::replay_id::from_hex(id.hex()).value == id);
    } else {
        fuzz::require(bad.offset <= size);
    }
    if (const auto [id, bad] = pubsub::replay_id::from_base64(input.text()); !bad)
        fuzz::require(pubsub::replay_id::from_base64(id.base64()).value == id);
    else
        fuzz::require(bad.offset <= size);
    const auto [id, bad] = pubsub::replay_id::from_bytes(input.text());
    fuzz::require(static_cast<bool>(bad) == (size > limits::replay_id_bytes));
    if (bad) return 0;
    fuzz::require(pubsub::replay_id::from_hex(id.hex()).value == id);
    fuzz::require(pubsub::replay_id::from_base64(id.base64()).value == id);
    return 0;
}
