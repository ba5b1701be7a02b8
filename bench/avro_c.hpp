// Apache Avro C as it is fastest with a schema that is known at run time only: one generic value, read into again and
// again. It is what sfcdc is compared with, and the second opinion on every answer.
#pragma once

#include <avro.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

class avro_c {
  public:
    explicit avro_c(std::string_view schema_json) {
        if (avro_schema_from_json_length(schema_json.data(), schema_json.size(), &schema_) != 0) fail();
        class_ = avro_generic_class_from_schema(schema_);
        if (class_ == nullptr || avro_generic_value_new(class_, &value_) != 0) fail();
        reader_ = avro_reader_memory("", 0);
    }
    avro_c(const avro_c&) = delete;
    avro_c& operator=(const avro_c&) = delete;
    ~avro_c() {
        avro_reader_free(reader_);
        avro_value_decref(&value_);
        avro_value_iface_decref(class_);
        avro_schema_decref(schema_);
    }

    // value() is then this event, until the next read.
    bool read(std::span<const std::byte> payload) noexcept {
        avro_reader_memory_set_source(reader_, reinterpret_cast<const char*>(payload.data()),
                                      static_cast<std::int64_t>(payload.size()));
        return avro_value_read(reader_, &value_) == 0;
    }
    const avro_value_t& value() const noexcept { return value_; }
    avro_schema_t schema() const noexcept { return schema_; }

    [[noreturn]] static void fail() { throw std::runtime_error(std::string("Apache Avro C: ") + avro_strerror()); }

  private:
    avro_schema_t schema_ = nullptr;
    avro_value_iface_t* class_ = nullptr;
    avro_value_t value_{};
    avro_reader_t reader_ = nullptr;
};

// What a union holds; any other value is itself.
inline avro_value_t look_through(avro_value_t v) {
    while (avro_value_get_type(&v) == AVRO_UNION) {
        avro_value_t branch{};
        if (avro_value_get_current_branch(&v, &branch) != 0) avro_c::fail();
        v = branch;
    }
    return v;
}

inline avro_value_t child(const avro_value_t& v, std::size_t index, const char** name = nullptr) {
    avro_value_t out{};
    if (avro_value_get_by_index(&v, index, &out, name) != 0) avro_c::fail();
    return look_through(out);
}

inline avro_value_t child(const avro_value_t& v, const char* name) {
    avro_value_t out{};
    if (avro_value_get_by_name(&v, name, &out, nullptr) != 0)
        throw std::runtime_error(std::string("no field ") + name);
    return look_through(out);
}

inline std::size_t size_of(const avro_value_t& v) {
    std::size_t n = 0;
    if (avro_value_get_size(&v, &n) != 0) avro_c::fail();
    return n;
}

inline std::string text_of(const avro_value_t& v) {
    if (avro_value_get_type(&v) == AVRO_ENUM) {
        int index = 0;
        avro_value_get_enum(&v, &index);
        return avro_schema_enum_get(avro_value_get_schema(&v), index);
    }
    const char* text = nullptr;
    std::size_t size = 0; // with the zero at the end
    if (avro_value_get_string(&v, &text, &size) != 0) avro_c::fail();
    return {text, size - 1};
}

inline std::int64_t long_of(const avro_value_t& v) {
    std::int64_t out = 0;
    if (avro_value_get_long(&v, &out) != 0) avro_c::fail();
    return out;
}

inline std::int32_t int_of(const avro_value_t& v) {
    std::int32_t out = 0;
    if (avro_value_get_int(&v, &out) != 0) avro_c::fail();
    return out;
}

inline std::vector<std::string> texts_of(const avro_value_t& array) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < size_of(array); ++i) out.push_back(text_of(child(array, i)));
    return out;
}

} // namespace bench
