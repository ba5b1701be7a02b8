#include "../operations/failure.hpp"
#include "command_line.hpp"
#include "input_file.hpp"
#include "output.hpp"
#include "schema_file.hpp"

#include <sfcdc/sfcdc.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace sfcdc::runner {
namespace {

// A line holds one payload as text. Hexadecimal takes most, two digits a byte.
constexpr std::size_t line_bytes = 2 * limits::payload_bytes;

struct decode_options {
    std::filesystem::path schema;
    std::string format = "json"; // json, changed, header
    std::string in = "raw";      // raw, hex, base64
    std::vector<std::string> files;
};

class decode_command {
  public:
    explicit decode_command(const decode_options& options) : options_(options) {
        if (std::ranges::count(options.files, "-") > 1)
            throw failure(exit_code::bad_config, "Standard input (-) is named twice, but can be read only once.");
        plan_ = read_schema(options.schema.string());
    }

    int run() {
        const char* const expected = options_.in == "raw" ? "a payload" : "a line with a payload";
        if (options_.files.empty()) read(input_file::standard_input(expected));
        for (const std::string& name : options_.files)
            read(name == "-" ? input_file::standard_input(expected) : input_file::open(name, expected));
        // Most output is small enough to be written only now.
        out_.flush();
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
        out_.write(out);
    }

    void wrong(const std::string& where, const std::string& what) {
        std::cerr << where << ": " << what << '\n';
        failed_ = true;
    }

    const decode_options& options_;
    output out_;
    cdc::plan plan_;
    cdc::decoder decoder_;
    bool failed_ = false;
};

} // namespace

void add_decode(command_line& to) {
    CLI::App* const command = to.app.add_subcommand("decode", "Print payloads as JSON, one event a line");
    const auto options = std::make_shared<decode_options>();
    command->add_option("--schema", options->schema, "The Avro schema of the events (.avsc)")->required();
    command
        ->add_option("--format", options->format,
                     "json: all; changed: the field lists; header: the ChangeEventHeader")
        ->check(CLI::IsMember({"json", "changed", "header"}));
    command->add_option("--in", options->in, "raw: one payload a file; hex, base64: one a line")
        ->check(CLI::IsMember({"raw", "hex", "base64"}));
    command->add_option("FILE", options->files, "Payloads; standard input when there is none, or for -");
    command->callback([&to, options] {
        to.chosen = [options] {
            try {
                return decode_command(*options).run();
            } catch (const reader_gone&) {
                // Only where SIGPIPE is ignored: otherwise the signal has ended the process, as it ends other filters.
                return static_cast<int>(exit_code::failed);
            }
        };
    });
}

} // namespace sfcdc::runner
