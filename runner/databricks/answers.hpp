// What the token endpoint of Databricks says, read from the text of its answer: the text of a peer.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace sfcdc::runner::databricks {

struct token_answer {
    std::string access_token; // never logged; empty: there is none, or one that no header may carry
    // From 120 to 86,400: without a believable lifetime a token is good for the stream that it was asked for.
    std::chrono::seconds lifetime{120};
};
token_answer read_token_answer(std::string_view body);

} // namespace sfcdc::runner::databricks
