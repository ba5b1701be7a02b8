// A row read by Google's own library, from nothing but the descriptor that sfcdc sends.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>
#include <stdexcept>
#include <string>

#include <nlohmann/json.hpp>

#include "reference/text.hpp"

namespace dynamic_row {

// The columns that are present. Throws where the library refuses the descriptor or the message.
inline nlohmann::ordered_json read(const std::string& descriptor_proto, const std::string& message) {
    google::protobuf::FileDescriptorProto file; // no "syntax" is proto2
    file.set_name("row.proto");
    if (!file.add_message_type()->ParseFromString(descriptor_proto))
        throw std::runtime_error("not a DescriptorProto");
    google::protobuf::DescriptorPool pool;
    const google::protobuf::FileDescriptor* const built = pool.BuildFile(file);
    if (built == nullptr) throw std::runtime_error("the descriptor does not build");
    google::protobuf::DynamicMessageFactory factory(&pool);
    const std::unique_ptr<google::protobuf::Message> row(factory.GetPrototype(built->message_type(0))->New());
    if (!row->ParseFromString(message)) throw std::runtime_error("the row does not parse");
    const google::protobuf::Reflection& reflection = *row->GetReflection();
    if (!reflection.GetUnknownFields(*row).empty()) throw std::runtime_error("unknown fields");

    nlohmann::ordered_json out = nlohmann::ordered_json::object();
    std::vector<const google::protobuf::FieldDescriptor*> present;
    reflection.ListFields(*row, &present);
    for (const auto* const f : present) {
        if (f->is_repeated())
            for (int i = 0; i < reflection.FieldSize(*row, f); ++i)
                out[f->name()].push_back(reflection.GetRepeatedString(*row, f, i));
        else if (f->type() == google::protobuf::FieldDescriptor::TYPE_INT64)
            out[f->name()] = reflection.GetInt64(*row, f);
        else if (f->type() == google::protobuf::FieldDescriptor::TYPE_INT32)
            out[f->name()] = reflection.GetInt32(*row, f);
        else if (f->type() == google::protobuf::FieldDescriptor::TYPE_DOUBLE)
            out[f->name()] = reflection.GetDouble(*row, f);
        else if (f->type() == google::protobuf::FieldDescriptor::TYPE_BOOL)
            out[f->name()] = reflection.GetBool(*row, f);
        else if (f->type() == google::protobuf::FieldDescriptor::TYPE_BYTES)
            out[f->name()] = reference::base64(reflection.GetString(*row, f));
        else
            out[f->name()] = reflection.GetString(*row, f);
    }
    return out;
}

} // namespace dynamic_row
