// A certificate authority of the emulator's own, made anew at every start.
#pragma once

#include <string>

namespace emulator {

struct tls_files {
    std::string ca_path;
    std::string certificate_path; // for localhost, 127.0.0.1 and ::1
    std::string key_path;
};

// Writes the three files into the folder.
tls_files make_certificates(const std::string& folder);

std::string read_text(const std::string& path);

} // namespace emulator
