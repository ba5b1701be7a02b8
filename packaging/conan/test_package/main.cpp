// Compiles a schema and prints the name of its field. tests/vendoring/ builds it in every other way, too.
#include <sfcdc/cdc/plan.hpp>
#include <sfcdc/version.hpp>

#include <cstdio>

static_assert(__cplusplus >= 202002L, "the package asks for C++20");

int main() {
    const auto [plan, bad] =
        sfcdc::cdc::compile(R"({"type":"record","name":"X__e","fields":[{"name":"a","type":"int"}]})");
    if (bad) return std::puts(bad.message()), 1;
    std::printf("sfcdc %s: %s\n", sfcdc::version, std::string(plan.name({0})).c_str());
}
