// What Zerobus checks where a table is a contract: the descriptor of a stream when it is opened, and each row.
// Source: Databricks' documentation of Zerobus, "Schema management"; the causes are those of its SDK.
#pragma once

#include "catalog.hpp"
#include "row_decoder.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace emulator {

class table_contract {
  public:
    // Throws refusal, with the causes as ErrorInfo, when rows of this descriptor do not fit the table as others see it now: a field
    // without a column, a column that may not be null without a field, a field of another type. Rows of a decoder without a descriptor
    // (JSON) say their columns as they come. Later changes of the table do not concern this stream.
    table_contract(const delta_table& table, const row_decoder& rows);

    // Throws refusal for a column that the table lacks; `from`: those in front were checked before.
    void check_columns(const std::vector<column>& columns, std::size_t from) const;
    // Throws refusal for a row without a value where the table wants one.
    void check_row(const std::vector<column>& columns, const std::vector<cell>& cells) const;

  private:
    delta_table table_;
    std::vector<std::string> required_;
};

} // namespace emulator
