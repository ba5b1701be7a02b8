#include <sfcdc/sfcdc.hpp>

std::string_view name_of_field(const sfcdc::cdc::plan& plan, std::uint32_t number); // other.cpp

int main() {
    const auto [plan, bad] =
        sfcdc::cdc::compile(R"({"type":"record","name":"X__e","fields":[{"name":"a","type":"int"}]})");
    return !bad && name_of_field(plan, 0) == "a" ? 0 : 1;
}
