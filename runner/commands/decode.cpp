#include "../operations/failure.hpp"
#include "commands.hpp"
#include "input_file.hpp"
#include "schema_file.hpp"

#include <sfcdc/sfcdc.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace sfcdc::runner {
namespace {

// A line holds one payload as text. Hexadecimal takes most, two digits a byte.
constexpr std::size_t line_bytes = 2 * limits::payload_bytes;

// Nobody reads the output any more. A program in a pipeline (`| head`) ends quietly then.
struct reader_gone {};

[[noreturn]] void output_lost(int number) {
    if (number == EPIPE) throw reader_gone{};
    throw failure(exit_code::failed, "standard output cannot be written, so that events are missing there: "
                                         + std::generic_category().message(number) + ".");
}

class decode_command {
  public:
    explicit decode_command(const decode_options& options) : options_(options) {
        if (std::ranges::count(options.files, "-") > 1)
            throw failure(exit_code::bad_config, "Standard input (-) is named twice, but can be read only once.");
        // Otherwise the first file to be opened would get the number of standard output.
        if (::fcntl(STDOUT_FILENO, F_GETFD) < 0) output_lost(errno);
        plan_ = read_schema(options.schema.string());
    }

    int run() {
        const char* const expected = options_.in == "raw" ? "a payload" : "a line with a payload";
        if (options_.files.empty()) read(input_file::standard_input(expected));
        for (const std::string& name : options_.files)
            read(name == "-" ? input_file::standard_input(expected) : input_file::open(name, expected));
        // Most output is small enough to be written only now.
        if (std::fflush(stdout) != 0) output_lost(errno);
        return static_cast<int>(failed_ ? exit_code::failed : exit_code::ok);
    }

  private:
    // Raw: the whole file is one payload. Text: each line that is not empty is one.
    void read(input_file in) {
        if (options_.in == "raw") {
            const auto payload = in.all(limits::payload_bytes);
            return payload ? one(in.name(), *payload) : wrong(in.name(), in.problem());
        }
        std::size_t number = 0;
        while (auto line = in.line(line_bytes)) {
            ++number;
            while (!line->empty() && (line->back() == '\r' || line->back() == ' ')) line->pop_back();
            if (line->empty()) continue;
            const std::string where = in.name() + ":" + std::to_string(number);
            const auto [payload, bad] = options_.in == "hex" ? wire::from_hex(*line) : wire::from_base64(*line);
            if (bad)
                wrong(where, "character " + std::to_string(bad.offset) + ": " + bad.message());
            else
                one(where, payload);
        }
        if (in.problem().empty()) return;
        wrong(number == 0 ? in.name() : in.name() + ":" + std::to_string(number + 1), in.problem());
    }

    void one(const std::string& where, const std::string& payload) {
        const auto [event, bad] = decoder_.decode(plan_, payload);
        if (bad) return wrong(where, "byte " + std::to_string(bad.offset) + ": " + bad.message());
        std::string out;
        const std::uint32_t replaced = options_.format == "header"    ? row::append_header_json(event, out)
                                       : options_.format == "changed" ? row::append_field_lists_json(event, out)
                                                                      : row::append_event_json(event, out);
        if (replaced != 0) std::cerr << where << ": " << replaced << " bytes were not UTF-8 and became U+FFFD\n";
        out += '\n';
        if (std::fwrite(out.data(), 1, out.size(), stdout) != out.size()) output_lost(errno);
    }

    void wrong(const std::string& where, const std::string& what) {
        std::cerr << where << ": " << what << '\n';
        failed_ = true;
    }

    const decode_options& options_;
    cdc::plan plan_;
    cdc::decoder decoder_;
    bool failed_ = false;
};

} // namespace

int decode(const decode_options& options) {
    try {
        return decode_command(options).run();
    } catch (const reader_gone&) {
        // Only where SIGPIPE is ignored: otherwise the signal has ended the process, as it ends other filters.
        return static_cast<int>(exit_code::failed);
    }
}

} // namespace sfcdc::runner
