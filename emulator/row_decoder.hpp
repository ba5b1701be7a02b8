// Rows as they come over Zerobus, checked strictly and turned into cells for the lake.
#pragma once

#include "lake.hpp"

#include <grpcpp/grpcpp.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace emulator {

// Ends the stream with a status.
struct refusal : std::runtime_error {
    refusal(grpc::StatusCode with, const std::string& because) : std::runtime_error(because), code(with) {}
    grpc::StatusCode code;
};

class row_decoder {
  public:
    virtual ~row_decoder() = default;
    // One cell for each column; throws refusal. A decoder of JSON may grow columns while it decodes.
    virtual std::vector<cell> decode(const std::string& record) = 0;
    const std::vector<column>& columns() const { return columns_; }

  protected:
    std::vector<column> columns_;
};

// descriptor_proto: a serialised DescriptorProto, read with the rules of proto2.
std::unique_ptr<row_decoder> make_proto_decoder(const std::string& descriptor_proto);
std::unique_ptr<row_decoder> make_json_decoder();

} // namespace emulator
