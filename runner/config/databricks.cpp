#include "../names.hpp"
#include "parts.hpp"

namespace sfcdc::runner {

void read_databricks(const section& s, databricks_config& c) {
    c.written = s.written();
    c.workspace_url = s.url("workspace_url", true);
    c.zerobus_endpoint = s.endpoint("zerobus_endpoint", true);
    c.warehouse_id = s.text("warehouse_id");
    // The id is the last part of the "HTTP path" that the workspace shows; people paste the whole.
    if (!c.warehouse_id.empty() && !is_word(c.warehouse_id))
        s.wrong("warehouse_id", "the id alone was expected, letters and digits as in \"1234567890abcdef\": what the "
                                "HTTP path of the warehouse ends with");
    c.credentials = {s.secret_text("client_id", false), s.secret_text("client_secret", true)};
    c.ca_file = s.ca_file();
}

} // namespace sfcdc::runner
