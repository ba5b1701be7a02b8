#include "row_decoder.hpp"

#include "wire_rules.hpp"

#include <algorithm>
#include <cctype>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/unknown_field_set.h>
#include <nlohmann/json.hpp>

namespace emulator {
namespace {

namespace pb = google::protobuf;
using nlohmann::ordered_json;

[[noreturn]] void refuse(const std::string& because) { throw refusal(grpc::INVALID_ARGUMENT, because); }

bool is_utf8(const std::string& text) {
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80   ? 1
                                   : lead < 0xc2 ? 0
                                   : lead < 0xe0 ? 2
                                   : lead < 0xf0 ? 3
                                   : lead < 0xf5 ? 4
                                                 : 0;
        if (length == 0 || length > text.size() - i) return false;
        std::uint32_t point = length == 1 ? lead : lead & (0x7fu >> length);
        for (std::size_t k = 1; k < length; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xc0) != 0x80) return false;
            point = (point << 6) | (next & 0x3f);
        }
        const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
        if (overlong || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
        i += length;
    }
    return true;
}

bool is_identifier(const std::string& name) {
    return !name.empty() && !std::isdigit(static_cast<unsigned char>(name.front()))
           && std::all_of(name.begin(), name.end(),
                          [](unsigned char c) { return c < 0x80 && (std::isalnum(c) || c == '_'); });
}

// ---- the descriptor ----------------------------------------------------------------------------------------------

void collect_paths(const pb::DescriptorProto& message, const std::string& path, std::vector<std::string>& paths) {
    paths.push_back(path);
    for (const auto& nested : message.nested_type()) collect_paths(nested, path + "." + nested.name(), paths);
}

// protoc writes names with the package of the .proto file, which is not on the wire: cut down to what is.
void localise_type_names(pb::DescriptorProto& message, const std::vector<std::string>& paths) {
    if (message.enum_type_size() > 0) refuse("enum types are not supported in a descriptor");
    for (auto& field : *message.mutable_field()) {
        if (field.type() == pb::FieldDescriptorProto::TYPE_ENUM
            || field.type() == pb::FieldDescriptorProto::TYPE_GROUP)
            refuse("field " + field.name() + " has a type that no column can have");
        if (field.type_name().starts_with('.')) {
            const std::string* longest = nullptr;
            for (const auto& path : paths)
                if (field.type_name().ends_with("." + path) && (!longest || path.size() > longest->size()))
                    longest = &path;
            if (!longest) refuse("type " + field.type_name() + " is not defined within the descriptor");
            field.set_type_name("." + *longest);
        }
    }
    for (auto& nested : *message.mutable_nested_type()) localise_type_names(nested, paths);
}

// proto3's "optional" is told by a flag and a oneof made for it; proto2 has it without.
void drop_synthetic_oneofs(pb::DescriptorProto& message) {
    int real_oneofs = 0;
    for (auto& field : *message.mutable_field()) {
        if (field.proto3_optional()) {
            field.clear_proto3_optional();
            field.clear_oneof_index();
        } else if (field.has_oneof_index()) {
            real_oneofs = std::max(real_oneofs, field.oneof_index() + 1);
        }
    }
    while (message.oneof_decl_size() > real_oneofs) message.mutable_oneof_decl()->RemoveLast();
    for (auto& nested : *message.mutable_nested_type()) drop_synthetic_oneofs(nested);
}

struct error_text : pb::DescriptorPool::ErrorCollector {
    std::string text;
    void AddError(const std::string&, const std::string& element, const pb::Message*, ErrorLocation,
                  const std::string& message) override {
        text += (text.empty() ? "" : "; ") + element + ": " + message;
    }
};

// ---- values ------------------------------------------------------------------------------------------------------

struct field_at {
    const pb::Message& message;
    const pb::FieldDescriptor* field;
    int index = -1; // of a repeated field

    template<typename single, typename repeated> auto get(single one, repeated many) const {
        const auto* reflection = message.GetReflection();
        return index < 0 ? (reflection->*one)(message, field) : (reflection->*many)(message, field, index);
    }
    std::string text() const {
        using r = pb::Reflection;
        std::string value = get(&r::GetString, &r::GetRepeatedString);
        if (field->type() == pb::FieldDescriptor::TYPE_STRING && !is_utf8(value))
            refuse("field " + field->full_name() + " is not valid UTF-8");
        return value;
    }
    const pb::Message& child() const {
        const auto* reflection = message.GetReflection();
        return index < 0 ? reflection->GetMessage(message, field)
                         : reflection->GetRepeatedMessage(message, field, index);
    }
};

ordered_json json_of(const pb::Message& message);

cell scalar_cell(const field_at& at) {
    using r = pb::Reflection;
    switch (at.field->cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_INT32: return std::int64_t{at.get(&r::GetInt32, &r::GetRepeatedInt32)};
    case pb::FieldDescriptor::CPPTYPE_INT64: return std::int64_t{at.get(&r::GetInt64, &r::GetRepeatedInt64)};
    case pb::FieldDescriptor::CPPTYPE_UINT32: return std::int64_t{at.get(&r::GetUInt32, &r::GetRepeatedUInt32)};
    case pb::FieldDescriptor::CPPTYPE_UINT64:
        return static_cast<std::int64_t>(at.get(&r::GetUInt64, &r::GetRepeatedUInt64));
    case pb::FieldDescriptor::CPPTYPE_DOUBLE: return at.get(&r::GetDouble, &r::GetRepeatedDouble);
    case pb::FieldDescriptor::CPPTYPE_FLOAT: return double{at.get(&r::GetFloat, &r::GetRepeatedFloat)};
    case pb::FieldDescriptor::CPPTYPE_BOOL: return std::int64_t{at.get(&r::GetBool, &r::GetRepeatedBool)};
    default: break;
    }
    if (at.field->type() == pb::FieldDescriptor::TYPE_BYTES) return blob{at.text()};
    return at.text();
}

ordered_json json_value(const field_at& at) {
    if (at.field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE) return json_of(at.child());
    if (at.field->cpp_type() == pb::FieldDescriptor::CPPTYPE_BOOL)
        return at.get(&pb::Reflection::GetBool, &pb::Reflection::GetRepeatedBool);
    const cell value = scalar_cell(at);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return *integer;
    if (const auto* real = std::get_if<double>(&value)) return *real;
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    ordered_json bytes = ordered_json::array();
    for (const char c : std::get<blob>(value).bytes) bytes.push_back(static_cast<unsigned char>(c));
    return bytes;
}

ordered_json json_of_field(const pb::Message& message, const pb::FieldDescriptor* field) {
    if (!field->is_repeated()) return json_value({message, field});
    const int size = message.GetReflection()->FieldSize(message, field);
    ordered_json items = field->is_map() ? ordered_json::object() : ordered_json::array();
    for (int i = 0; i < size; ++i) {
        const field_at at{message, field, i};
        if (!field->is_map()) {
            items.push_back(json_value(at));
            continue;
        }
        const pb::Message& entry = at.child();
        const ordered_json key = json_value({entry, field->message_type()->map_key()});
        items[key.is_string() ? key.get<std::string>() : key.dump()] =
            json_value({entry, field->message_type()->map_value()});
    }
    return items;
}

ordered_json json_of(const pb::Message& message) {
    ordered_json made = ordered_json::object();
    for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
        const auto* field = message.GetDescriptor()->field(i);
        if (field->is_repeated() || message.GetReflection()->HasField(message, field))
            made[field->name()] = json_of_field(message, field);
    }
    return made;
}

void refuse_unknown_fields(const pb::Message& message) {
    const auto* reflection = message.GetReflection();
    if (!reflection->GetUnknownFields(message).empty())
        refuse("record has a field that is not in " + message.GetDescriptor()->name() + ": number "
               + std::to_string(reflection->GetUnknownFields(message).field(0).number()));
    std::vector<const pb::FieldDescriptor*> present;
    reflection->ListFields(message, &present);
    for (const auto* field : present) {
        if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
        if (!field->is_repeated()) {
            refuse_unknown_fields(reflection->GetMessage(message, field));
        } else {
            for (int i = 0; i < reflection->FieldSize(message, field); ++i)
                refuse_unknown_fields(reflection->GetRepeatedMessage(message, field, i));
        }
    }
}

std::string column_type(const pb::FieldDescriptor* field) {
    if (field->is_repeated()) return "TEXT";
    switch (field->cpp_type()) {
    case pb::FieldDescriptor::CPPTYPE_STRING:
        return field->type() == pb::FieldDescriptor::TYPE_BYTES ? "BLOB" : "TEXT";
    case pb::FieldDescriptor::CPPTYPE_MESSAGE: return "TEXT";
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
    case pb::FieldDescriptor::CPPTYPE_FLOAT: return "REAL";
    default: return "INTEGER";
    }
}

class proto_decoder final : public row_decoder {
  public:
    explicit proto_decoder(const std::string& descriptor_proto) {
        pb::FileDescriptorProto file;
        file.set_name("row.proto");
        file.set_syntax("proto2");
        pb::DescriptorProto& message = *file.add_message_type();
        if (descriptor_proto.empty()) refuse("record type PROTO needs descriptor_proto");
        // A FileDescriptorSet can be parsed as a DescriptorProto, but then has no fields and an odd name.
        if (!message.ParseFromString(descriptor_proto) || !is_identifier(message.name()))
            refuse("descriptor_proto is not a DescriptorProto");
        if (message.field_size() == 0) refuse("descriptor_proto has no fields");
        if (message.field_size() > 2000) refuse("descriptor_proto has more than 2000 fields");

        drop_synthetic_oneofs(message);
        std::vector<std::string> paths;
        collect_paths(message, message.name(), paths);
        localise_type_names(message, paths);
        error_text errors;
        const pb::FileDescriptor* built = pool_.BuildFileCollectingErrors(file, &errors);
        if (!built) refuse("descriptor_proto is not valid: " + errors.text);

        const pb::Descriptor* type = built->message_type(0);
        message_.reset(factory_.GetPrototype(type)->New());
        for (int i = 0; i < type->field_count(); ++i)
            columns_.push_back({type->field(i)->name(), column_type(type->field(i))});
    }

    std::vector<cell> decode(const std::string& record) override {
        if (!message_->ParsePartialFromString(as_google_reads_it(record, *message_->GetDescriptor())))
            refuse("record cannot be decoded with the stream's descriptor");
        refuse_unknown_fields(*message_);
        if (!message_->IsInitialized())
            refuse("record lacks required fields: " + message_->InitializationErrorString());
        std::vector<cell> cells;
        const pb::Descriptor* type = message_->GetDescriptor();
        for (int i = 0; i < type->field_count(); ++i) {
            const auto* field = type->field(i);
            cell& one = cells.emplace_back();
            const bool has = field->is_repeated() || message_->GetReflection()->HasField(*message_, field);
            if (has && (field->is_repeated() || field->cpp_type() == pb::FieldDescriptor::CPPTYPE_MESSAGE))
                one = json_of_field(*message_, field).dump();
            else if (has)
                one = scalar_cell({*message_, field});
        }
        return cells;
    }

    const pb::Descriptor* descriptor() const override { return message_->GetDescriptor(); }

  private:
    pb::DescriptorPool pool_;
    pb::DynamicMessageFactory factory_{&pool_};
    std::unique_ptr<pb::Message> message_;
};

class json_decoder final : public row_decoder {
  public:
    std::vector<cell> decode(const std::string& record) override {
        const auto row = ordered_json::parse(record, nullptr, false);
        if (!row.is_object()) refuse("record is not a JSON object");
        std::vector<cell> cells(columns_.size());
        for (const auto& [name, value] : row.items()) {
            const auto [place, added] = places_.try_emplace(name, columns_.size());
            if (added) {
                columns_.push_back({name, type_for(value)});
                cells.emplace_back();
            }
            cells[place->second] = cell_for(value);
        }
        return cells;
    }

  private:
    static std::string type_for(const ordered_json& value) {
        if (value.is_boolean() || value.is_number_integer()) return "INTEGER";
        if (value.is_number_float()) return "REAL";
        return value.is_null() ? "" : "TEXT";
    }

    static cell cell_for(const ordered_json& value) {
        if (value.is_null()) return {};
        if (value.is_boolean()) return std::int64_t{value.get<bool>()};
        if (value.is_number_integer()) return value.get<std::int64_t>();
        if (value.is_number_float()) return value.get<double>();
        return value.is_string() ? value.get<std::string>() : value.dump();
    }

    std::map<std::string, std::size_t> places_;
};

} // namespace

std::unique_ptr<row_decoder> make_proto_decoder(const std::string& descriptor_proto) {
    return std::make_unique<proto_decoder>(descriptor_proto);
}

std::unique_ptr<row_decoder> make_json_decoder() { return std::make_unique<json_decoder>(); }

} // namespace emulator
