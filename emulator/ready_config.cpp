#include "ready_config.hpp"

#include "world.hpp"

namespace emulator {
namespace {

// A basic string of TOML. Control characters and "${" are not escaped: sfcdc takes no value with the former, and has no way to write the
// latter.
std::string toml_text(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + "\"";
}

} // namespace

std::string ready_config(const world& in, const std::string& ca_path, const std::filesystem::path& folder) {
    const std::string scheme = ca_path.empty() ? "http://" : "https://";
    const std::string ca_file = ca_path.empty() ? "" : "ca_file = " + toml_text(ca_path) + "\n";
    const auto pipeline = [&](const char* topic, const char* name) {
        return std::string("\n[[pipeline]]\ntopic = \"") + topic
               + "\"\nsink = \"zerobus\"\ntable = \"main.salesforce." + name
               + "\"\ncheckpoint = " + toml_text((folder / (std::string(name) + ".checkpoint")).string()) + "\n";
    };
    return "# sfcdc run --config THIS_FILE streams from this sfcdc-emulator into its lake, while it runs.\n"
           "[salesforce]\n"
           "login_url = "
           + toml_text(in.urls.salesforce_url) + "\nclient_id = " + toml_text(in.settings.client_id)
           + "\nclient_secret = " + toml_text(in.settings.client_secret)
           + "\npubsub_endpoint = " + toml_text(scheme + in.urls.pubsub_endpoint) + "\n" + ca_file
           + "\n[databricks]\nworkspace_url = " + toml_text(in.urls.databricks_url)
           + "\nzerobus_endpoint = " + toml_text(scheme + in.urls.zerobus_endpoint)
           + "\nclient_id = " + toml_text(in.settings.databricks_client_id)
           + "\nclient_secret = " + toml_text(in.settings.databricks_client_secret) + "\n" + ca_file
           + "# With it, sfcdc makes the tables, and typed ones follow the schemas:\n"
             "# warehouse_id = "
           + toml_text(in.settings.warehouse_id) + "\n" + pipeline("/data/ChangeEvents", "change_events")
           + pipeline("/event/Order_Event__e", "order_events");
}

} // namespace emulator
