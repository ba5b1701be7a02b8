// The state tables at the top of a machine's header, read from its comment: a row for each input, a column for each state.
//
//   | input  | waiting | opening |
//   |--------|---------|---------|
//   | opened | .       | open    |
#pragma once

#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

struct state_table {
    std::vector<std::string> states;                                              // in their order
    std::vector<std::pair<std::string, std::map<std::string, std::string>>> rows; // input -> state -> cell
};

// The table whose first cell is `name`; `header` is a path below include/.
inline state_table read_state_table(const std::string& header, const std::string& name) {
    std::ifstream file(std::string(SFCDC_SOURCE_ROOT) + "/include/" + header);
    state_table table;
    bool inside = false;
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with("//   | ")) {
            if (inside && !line.starts_with("//   |-")) break;
            continue;
        }
        std::vector<std::string> cells;
        std::istringstream in(line.substr(6));
        for (std::string cell; std::getline(in, cell, '|');) {
            const auto first = cell.find_first_not_of(' ');
            if (first == cell.npos) throw std::runtime_error("an empty cell: " + line);
            cells.push_back(cell.substr(first, cell.find_last_not_of(' ') + 1 - first));
        }
        if (!inside) {
            inside = cells.front() == name;
            if (inside) table.states.assign(cells.begin() + 1, cells.end());
            continue;
        }
        if (cells.size() != table.states.size() + 1) throw std::runtime_error("a row of another length: " + line);
        auto& row = table.rows.emplace_back(cells.front(), std::map<std::string, std::string>()).second;
        for (std::size_t i = 0; i < table.states.size(); ++i) row[table.states[i]] = cells[i + 1];
    }
    if (table.rows.empty()) throw std::runtime_error("no table " + name + " in " + header);
    return table;
}
