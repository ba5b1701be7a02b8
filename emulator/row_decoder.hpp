// Rows as they come over Zerobus, checked strictly and turned into cells for the lake.
#pragma once

#include "lake.hpp"

#include <google/protobuf/descriptor.h>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace emulator {

// Ends the stream with a status.
struct refusal : std::runtime_error {
    refusal(grpc::StatusCode with, const std::string& because, std::string more = {})
        : std::runtime_error(because), code(with), details(std::move(more)) {}
    grpc::StatusCode code;
    std::string details; // a google.rpc.Status; empty: none
};

class row_decoder {
  public:
    virtual ~row_decoder() = default;
    // One cell for each column; throws refusal. A decoder of JSON may grow columns while it decodes.
    virtual std::vector<cell> decode(const std::string& record) = 0;
    const std::vector<column>& columns() const { return columns_; }
    // Of the rows' protobuf message, in the order of columns(); nullptr where they are JSON.
    virtual const google::protobuf::Descriptor* descriptor() const { return nullptr; }

  protected:
    std::vector<column> columns_;
};

// descriptor_proto: a serialised DescriptorProto, read with the rules of proto2.
std::unique_ptr<row_decoder> make_proto_decoder(const std::string& descriptor_proto);
std::unique_ptr<row_decoder> make_json_decoder();

} // namespace emulator
