#include <sfcdc/sfcdc.hpp>

std::string_view name_of_field(const sfcdc::cdc::plan& plan, std::uint32_t number);
std::string_view name_of_field(const sfcdc::cdc::plan& plan, std::uint32_t number) { return plan.name({number}); }
