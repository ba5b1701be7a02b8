#include "dead_letters.hpp"

#include "durable_file.hpp"

#include <sfcdc/wire/text.hpp>

#include <nlohmann/json.hpp>

namespace sfcdc::runner {

dead_letters::dead_letters(std::filesystem::path file) : path_(std::move(file)) {}
dead_letters::~dead_letters() = default;

void dead_letters::keep(const row::envelope& around, std::span<const std::byte> payload, std::string_view reason,
                        std::uint32_t offset) {
    if (!file_) file_ = std::make_unique<durable_file>(path_, durable_file::mode::append);
    std::string replay_id, body;
    wire::append_hex(replay_id, around.replay_id);
    wire::append_base64(body, payload);
    const nlohmann::ordered_json letter = {{"received_timestamp", around.received_timestamp},
                                           {"topic_name", around.topic_name},
                                           {"replay_id", replay_id},
                                           {"event_id", around.event_id},
                                           {"schema_id", around.schema_id},
                                           {"reason", reason},
                                           {"offset", offset},
                                           {"payload", body}};
    file_->write(letter.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    file_->sync();
}

} // namespace sfcdc::runner
