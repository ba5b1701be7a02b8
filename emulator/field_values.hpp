// Plausible values for a field, by its type and its doc.
#pragma once

#include "change_event.hpp"
#include "dice.hpp"

#include <string>

namespace emulator {

class field_values {
  public:
    explicit field_values(dice& from) : dice_(from) {}

    field_value value_for(const field_shape& field);
    // Some of the children are null.
    compound compound_for(const record_shape& shape);
    std::string word(); // of any script
    std::string choice();
    std::string city();

  private:
    scalar text_for(const field_shape& field);

    dice& dice_;
};

} // namespace emulator
