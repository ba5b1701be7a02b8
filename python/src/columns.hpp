// What Python gives for a column of bytes or texts: a sequence of objects, or an Arrow array or stream through Arrow's C data interface.
#pragma once

#include <nanobind/nanobind.h>
#include <sfcdc/row/arrow_abi.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc_python {

namespace nb = nanobind;

// Views of the values, in order, and what keeps them alive. Values that somebody could change while they are read without the interpreter's
// lock are copied: a decoder that has checked a payload does not check it again. Used with the lock, but for values().
class column {
  public:
    // Throws nb::value_error or nb::type_error, which name `what` it is. None is a column without values.
    column(nb::handle from, const char* what) : what_(what) {
        if (from.is_none()) return;
        given_ = true;
        if (nb::hasattr(from, "__arrow_c_array__"))
            add_array(from.attr("__arrow_c_array__")());
        else if (nb::hasattr(from, "__arrow_c_stream__"))
            add_stream(from.attr("__arrow_c_stream__")());
        else
            add_sequence(from);
    }
    column(const column&) = delete;

    bool given() const noexcept { return given_; }
    // Nothing for a null.
    const std::vector<std::optional<std::string_view>>& values() const noexcept { return values_; }

  private:
    // Releases its array, also where the constructor of the column throws.
    struct owned_array {
        explicit owned_array(const ArrowArray& a) : array(a) {}
        owned_array(const owned_array&) = delete;
        ~owned_array() {
            if (array.release != nullptr) array.release(&array);
        }
        ArrowArray array;
    };

    void add_sequence(nb::handle from) {
        if (PyBytes_Check(from.ptr()) || PyUnicode_Check(from.ptr()) || PyByteArray_Check(from.ptr()))
            wrong("a sequence of values was expected, and not one value");
        // A tuple of its own: a list may be changed by another thread.
        PyObject* const items = PySequence_Tuple(from.ptr());
        if (items == nullptr) throw nb::python_error();
        items_ = nb::steal(items);
        const Py_ssize_t count = PyTuple_GET_SIZE(items);
        values_.reserve(static_cast<std::size_t>(count));
        for (Py_ssize_t i = 0; i < count; ++i) add_item(PyTuple_GET_ITEM(items, i));
    }
    void add_item(PyObject* item) {
        if (item == Py_None) return values_.push_back(std::nullopt);
        if (PyBytes_Check(item))
            return values_.push_back(
                std::string_view(PyBytes_AS_STRING(item), static_cast<std::size_t>(PyBytes_GET_SIZE(item))));
        if (PyUnicode_Check(item)) {
            Py_ssize_t size = 0;
            const char* const text = PyUnicode_AsUTF8AndSize(item, &size);
            if (text == nullptr) throw nb::python_error();
            return values_.push_back(std::string_view(text, static_cast<std::size_t>(size)));
        }
        Py_buffer buffer;
        if (PyObject_GetBuffer(item, &buffer, PyBUF_SIMPLE) != 0) {
            PyErr_Clear();
            wrong("a value is neither bytes, nor text, nor a buffer");
        }
        copies_.emplace_back(static_cast<const char*>(buffer.buf), static_cast<std::size_t>(buffer.len));
        PyBuffer_Release(&buffer);
        values_.push_back(copies_.back());
    }

    void add_stream(nb::object capsule) {
        auto* const stream =
            static_cast<ArrowArrayStream*>(PyCapsule_GetPointer(capsule.ptr(), "arrow_array_stream"));
        if (stream == nullptr) throw nb::python_error();
        if (stream->release == nullptr) wrong("the stream was consumed before");
        ArrowSchema schema{};
        if (stream->get_schema(stream, &schema) != 0) wrong("the stream has no schema");
        const std::string format(schema.format);
        const bool dictionary = schema.dictionary != nullptr;
        schema.release(&schema);
        for (;;) {
            ArrowArray next{};
            if (stream->get_next(stream, &next) != 0) wrong("the stream has failed");
            if (next.release == nullptr) return;
            add_arrow(format, dictionary, next);
        }
    }
    void add_array(nb::object pair) {
        const auto schema_capsule = nb::cast<nb::object>(pair[0]), array_capsule = nb::cast<nb::object>(pair[1]);
        auto* const schema = static_cast<ArrowSchema*>(PyCapsule_GetPointer(schema_capsule.ptr(), "arrow_schema"));
        auto* const array = static_cast<ArrowArray*>(PyCapsule_GetPointer(array_capsule.ptr(), "arrow_array"));
        if (schema == nullptr || array == nullptr) throw nb::python_error();
        if (schema->release == nullptr || array->release == nullptr) wrong("the array was consumed before");
        ArrowArray mine = *array;
        array->release = nullptr; // it is moved
        add_arrow(schema->format, schema->dictionary != nullptr, mine);
    }
    // Takes the array over.
    void add_arrow(std::string_view format, bool dictionary, const ArrowArray& array) {
        arrays_.emplace_back(array);
        const bool large = format == "Z" || format == "U";
        if (dictionary || (!large && format != "z" && format != "u"))
            wrong("an Arrow array of (large) binary or string was expected, not of the format \""
                  + std::string(format) + "\"");
        if (array.n_buffers != 3 || array.length < 0 || array.offset < 0) wrong("the Arrow array is damaged");
        large ? add_strings<std::int64_t>(array) : add_strings<std::int32_t>(array);
    }
    template<class Offset> void add_strings(const ArrowArray& array) {
        const auto* const valid = static_cast<const unsigned char*>(array.buffers[0]);
        const auto* const ends = static_cast<const Offset*>(array.buffers[1]);
        const auto* const data = static_cast<const char*>(array.buffers[2]);
        values_.reserve(values_.size() + static_cast<std::size_t>(array.length));
        for (std::int64_t i = array.offset; i < array.offset + array.length; ++i) {
            if (valid != nullptr && (valid[i / 8] >> (i % 8) & 1) == 0) {
                values_.push_back(std::nullopt);
                continue;
            }
            if (ends[i] < 0 || ends[i + 1] < ends[i]) wrong("the Arrow array is damaged");
            const auto size = static_cast<std::size_t>(ends[i + 1] - ends[i]);
            values_.push_back(size == 0 ? std::string_view("") : std::string_view(data + ends[i], size));
        }
    }

    [[noreturn]] void wrong(const std::string& why) const { throw nb::value_error((what_ + ": " + why).c_str()); }

    const std::string what_;
    bool given_ = false;
    nb::object items_;
    std::deque<std::string> copies_; // does not move them
    std::deque<owned_array> arrays_;
    std::vector<std::optional<std::string_view>> values_;
};

} // namespace sfcdc_python
