#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

const void* address_of_message_elsewhere();
std::string json_elsewhere(std::string_view schema_json, std::span<const std::byte> payload);
