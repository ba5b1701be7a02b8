// The parts of a configuration file, each of which reads its own keys and notes its own mistakes.
#pragma once

#include "config.hpp"
#include "document.hpp"

#include <set>
#include <string>

namespace sfcdc::runner {

void read_salesforce(const section& s, salesforce_config& c);
void read_databricks(const section& s, databricks_config& c);
void read_status(const section& s, status_config& c);

// One [[pipeline]]; the services of `all` have been read. `missing` has the services whose section was already said to be missing.
pipeline_config read_pipeline(const section& s, config& all, std::set<std::string>& missing);

// The keys of a pipeline that say what its rows look like. `typed` says whether the layout's columns are only those in front of the fields.
row::layout read_layout(const section& s, bool& typed);
// What only tables of Databricks have: they are made by sfcdc, and follow a schema.
void read_tables(const section& s, pipeline_config& c, const config& all);
privacy_config read_privacy(const section& s, const row::layout& l);

// A mistake where the key is there but means nothing in this pipeline.
inline void useless(const section& s, std::string_view key, bool is, std::string_view why) {
    if (is && s.has(key)) s.wrong(key, why);
}

} // namespace sfcdc::runner
