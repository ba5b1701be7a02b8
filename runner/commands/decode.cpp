#include "../operations/failure.hpp"
#include "commands.hpp"

#include <sfcdc/sfcdc.hpp>

#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

namespace sfcdc::runner {
namespace {

std::string read_all(std::istream& in) { return {std::istreambuf_iterator<char>(in), {}}; }

class decode_command {
  public:
    explicit decode_command(const decode_options& options) : options_(options) {
        std::ifstream in(options.schema, std::ios::binary);
        if (!in) throw failure(exit_code::bad_config, options.schema.string() + ": the schema cannot be read.");
        auto [plan, bad] = avro::compile(read_all(in));
        if (bad)
            throw failure(exit_code::bad_config,
                          options.schema.string() + ": byte " + std::to_string(bad.offset) + ": " + bad.message());
        plan_ = std::move(plan);
    }

    int run() {
        if (options_.files.empty()) input("standard input", std::cin);
        for (const std::string& name : options_.files) {
            if (name == "-") {
                input("standard input", std::cin);
                continue;
            }
            std::ifstream in(name, std::ios::binary);
            if (in)
                input(name, in);
            else
                wrong(name, "the file cannot be read");
        }
        return static_cast<int>(failed_ ? exit_code::failed : exit_code::ok);
    }

  private:
    // Raw: the whole file is one payload. Text: each line that is not empty is one.
    void input(const std::string& name, std::istream& in) {
        if (options_.in == "raw") return one(name, read_all(in));
        std::size_t number = 0;
        for (std::string line; std::getline(in, line);) {
            ++number;
            while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
            if (line.empty()) continue;
            const std::string where = name + ":" + std::to_string(number);
            const auto [payload, bad] = options_.in == "hex" ? wire::from_hex(line) : wire::from_base64(line);
            if (bad)
                wrong(where, "character " + std::to_string(bad.offset) + ": " + bad.message());
            else
                one(where, payload);
        }
    }

    void one(const std::string& where, const std::string& payload) {
        const auto [event, bad] = decoder_.decode(plan_, wire::as_bytes(payload));
        if (bad) return wrong(where, "byte " + std::to_string(bad.offset) + ": " + bad.message());
        std::string out;
        const std::uint32_t replaced = options_.format == "header"    ? row::append_header_json(event, out)
                                       : options_.format == "changed" ? row::append_field_lists_json(event, out)
                                                                      : row::append_event_json(event, out);
        if (replaced != 0) std::cerr << where << ": " << replaced << " bytes were not UTF-8 and became U+FFFD\n";
        out += '\n';
        std::cout << out;
    }

    void wrong(const std::string& where, const std::string& what) {
        std::cerr << where << ": " << what << '\n';
        failed_ = true;
    }

    const decode_options& options_;
    avro::plan plan_;
    cdc::decoder decoder_;
    bool failed_ = false;
};

} // namespace

int decode(const decode_options& options) { return decode_command(options).run(); }

} // namespace sfcdc::runner
