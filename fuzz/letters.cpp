// Files of dead letters, which anybody may have written: each line is a letter, a schema or a mark, or is counted as none of these.
#include "fuzz.hpp"

#include "../runner/disk/letters_file.hpp"

#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace sfcdc::runner;
    const fuzz::exact_bytes input({data, size});
    std::string_view rest = input.text();
    letters_reader reader;
    std::size_t lines = 0;
    for (std::uint64_t begin = 0; !rest.empty(); ++lines) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        reader.line(line, begin);
        const std::size_t used = line.size() < rest.size() ? line.size() + 1 : line.size();
        begin += used;
        rest.remove_prefix(used);
    }
    fuzz::require(reader.letters().size() + reader.schemas().size() + reader.foreign() <= lines);
    for (const kept_letter& l : reader.letters()) {
        fuzz::require(l.begin + l.size <= size);
        fuzz::require(l.row_number.has_value() || !l.has_columns);
        // A mark is one line, and marks this letter.
        const std::string mark = retried_line(l, 0);
        fuzz::require(mark.find('\n') == mark.size() - 1);
        if (l.replay_id.empty() && l.event_id.empty()) continue;
        letters_reader again;
        again.line(input.text().substr(l.begin, l.size), 0);
        again.line(std::string_view(mark).substr(0, mark.size() - 1), 0);
        fuzz::require(again.letters().size() == 1 && again.letters()[0].retried);
    }
    return 0;
}
