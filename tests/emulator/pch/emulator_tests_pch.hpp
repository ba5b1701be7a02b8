// What every test here needs and what is slow to parse.
#include "../../catch.hpp"

#include <grpcpp/grpcpp.h>
#include <httplib.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
