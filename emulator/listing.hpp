// What the control interface has: its routes and its faults. GET / shows both, docs/emulator.md has the same as text, and what is not
// listed here is not served.
#pragma once

#include <httplib.h>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

namespace emulator {

struct world;

// One route of the control interface. `path` is compared as a whole; `answer` is called from several threads.
struct control_route {
    std::string_view method; // GET or POST
    std::string_view path;
    std::string_view query; // what may stand behind the path, for readers; not compared
    std::string_view what;  // Markdown of one line, for readers
    void (*answer)(const httplib::Request&, httplib::Response&, world&);
};

// One fault of POST /fault.
struct fault_description {
    std::string_view op;
    std::string_view members; // beside "op"; in brackets what holds without the member
    std::string_view what;    // Markdown of one line, for readers
};

// In the order of the page. The rows live as long as the program.
std::span<const control_route> control_routes();
std::span<const fault_description> all_faults();

// Whether POST /fault takes this op.
bool is_fault(std::string_view op);

// Both tables, as GET / answers them: by what the client accepts, JSON, a page for a browser, or the Markdown of docs/emulator.md.
nlohmann::ordered_json listing_json(const world& in);
std::string listing_html(const world& in);
std::string listing_markdown();

} // namespace emulator
