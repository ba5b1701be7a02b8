// The module sfcdc._core: Python's names for the decoder. The docstrings are in python/sfcdc/_core.pyi, which tools show.
#include "columns.hpp"
#include "decoder.hpp"
#include "schema.hpp"

#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <sfcdc/cdc/header.hpp>
#include <sfcdc/pubsub/replay_id.hpp>
#include <sfcdc/row/arrow_schema.hpp>
#include <sfcdc/row/arrow_stream.hpp>
#include <sfcdc/row/json.hpp>
#include <sfcdc/version.hpp>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace sfcdc_python {

using namespace sfcdc;
using namespace nb::literals;

namespace {

// ---- capsules of Arrow's C data interface

template<class T> struct capsule_name;
template<> struct capsule_name<ArrowSchema> {
    static constexpr const char* value = "arrow_schema";
};
template<> struct capsule_name<ArrowArray> {
    static constexpr const char* value = "arrow_array";
};
template<> struct capsule_name<ArrowArrayStream> {
    static constexpr const char* value = "arrow_array_stream";
};

// Owns the structure, and releases what no consumer has taken out of it.
template<class T> nb::object capsule_of(std::unique_ptr<T> of) {
    PyObject* const capsule = PyCapsule_New(of.get(), capsule_name<T>::value, [](PyObject* c) {
        const std::unique_ptr<T> mine(static_cast<T*>(PyCapsule_GetPointer(c, capsule_name<T>::value)));
        if (mine->release != nullptr) mine->release(mine.get());
    });
    if (capsule == nullptr) {
        if (of->release != nullptr) of->release(of.get());
        throw nb::python_error();
    }
    (void)of.release();
    return nb::steal(capsule);
}

nb::object schema_capsule(const row::layout& l) {
    auto out = std::make_unique<ArrowSchema>();
    row::export_schema(l, out.get());
    return capsule_of(std::move(out));
}

// ---- what decode() returns

// Python's sfcdc.Batches.
struct decoded {
    row::layout layout;
    batches of;
    bool taken = false;

    void take() {
        if (std::exchange(taken, true))
            throw nb::value_error("these batches were handed over before; a consumer has them now");
    }
};

nb::object stream_capsule(decoded& self) {
    self.take();
    auto out = std::make_unique<ArrowArrayStream>();
    row::export_stream(
        self.layout,
        [of = std::make_shared<arrays>(std::move(self.of.made)), next = std::size_t{0}](ArrowArray* batch,
                                                                                        std::string&) mutable {
            if (next == of->all.size()) return false;
            *batch = std::exchange(of->all[next++], {});
            return true;
        },
        out.get());
    return capsule_of(std::move(out));
}

nb::object array_capsules(decoded& self) {
    if (!self.taken && self.of.made.all.size() != 1)
        throw nb::value_error("there are several batches; read them as a stream (__arrow_c_stream__)");
    self.take();
    auto array = std::make_unique<ArrowArray>(std::exchange(self.of.made.all.front(), {}));
    nb::object capsule = capsule_of(std::move(array));
    return nb::make_tuple(schema_capsule(self.layout), std::move(capsule));
}

// ---- the decoder

// Python's sfcdc.Schema.
struct python_schema {
    std::shared_ptr<const schema> of;

    const schema* operator->() const noexcept { return of.get(); }
    const schema& operator*() const noexcept { return *of; }
};

// One Schema, or several.
std::vector<std::shared_ptr<const schema>> schemas_of(nb::handle from) {
    std::vector<std::shared_ptr<const schema>> out;
    if (nb::isinstance<python_schema>(from))
        out.push_back(nb::cast<const python_schema&>(from).of);
    else
        for (const nb::handle one : nb::iter(from)) {
            if (!nb::isinstance<python_schema>(one))
                throw nb::type_error("schemas: an sfcdc.Schema, or several, were expected");
            out.push_back(nb::cast<const python_schema&>(one).of);
        }
    return out;
}

// Python's sfcdc.Decoder. After close() it is null.
struct python_decoder {
    std::shared_ptr<decoder> open;

    std::shared_ptr<decoder> get() const {
        if (!open) throw nb::value_error("the decoder is closed");
        return open;
    }
};

[[noreturn]] void raise_decode_error(const bad_event& bad) {
    const std::string text =
        "event " + std::to_string(bad.index) + ": byte " + std::to_string(bad.byte) + ": " + bad.reason;
    const nb::object type = nb::module_::import_("sfcdc._errors").attr("DecodeError");
    const nb::object error = type(text);
    error.attr("index") = bad.index;
    error.attr("byte") = bad.byte;
    error.attr("reason") = bad.reason;
    PyErr_SetObject(type.ptr(), error.ptr());
    throw nb::python_error();
}

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

decoded decode(const python_decoder& self, nb::handle payloads, nb::handle schema_ids, nb::handle replay_ids,
               nb::handle event_ids, std::string topic, std::string org_id, std::optional<std::int64_t> received_ms,
               std::int32_t epoch, std::size_t batch_rows, const std::string& on_error) {
    if (on_error != "raise" && on_error != "collect")
        throw nb::value_error("on_error: \"raise\" or \"collect\" was expected");
    const std::shared_ptr<decoder> by = self.get(); // it may be closed meanwhile
    const column of(payloads, "payloads"), schemas(schema_ids, "schema_ids"), replays(replay_ids, "replay_ids"),
        ids(event_ids, "event_ids");
    const auto given = [](const column& c) { return c.given() ? &c.values() : nullptr; };
    const events call{.payloads = of.values(),
                      .schema_ids = given(schemas),
                      .replay_ids = given(replays),
                      .event_ids = given(ids),
                      .topic = std::move(topic),
                      .org_id = std::move(org_id),
                      .received_ms = received_ms ? *received_ms : now_ms(),
                      .epoch = epoch};
    batches out;
    {
        const nb::gil_scoped_release others_may_run;
        out = by->decode(call, batch_rows);
    }
    if (on_error == "raise" && !out.bad.empty()) raise_decode_error(out.bad.front());
    return {by->layout(), std::move(out)};
}

// ---- single events

// A view of what Python gives as one payload. Immutable bytes are not copied.
std::string_view one_payload(nb::handle from, std::string& copy) {
    if (PyBytes_Check(from.ptr()))
        return {PyBytes_AS_STRING(from.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(from.ptr()))};
    Py_buffer buffer;
    if (PyObject_GetBuffer(from.ptr(), &buffer, PyBUF_SIMPLE) != 0) throw nb::python_error();
    copy.assign(static_cast<const char*>(buffer.buf), static_cast<std::size_t>(buffer.len));
    PyBuffer_Release(&buffer);
    return copy;
}

// Texts of a payload may be no UTF-8, which Python's str does not hold.
nb::object text_of(std::string_view text) {
    PyObject* const out = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
    if (out == nullptr) throw nb::python_error();
    return nb::steal(out);
}

nb::list list_of(const cdc::string_list& texts) {
    nb::list out;
    for (const std::string_view one : texts) out.append(text_of(one));
    return out;
}

nb::dict header_dict(const cdc::event_header& h) {
    nb::dict out;
    out["entity_name"] = text_of(h.entity_name());
    out["record_ids"] = list_of(h.record_ids());
    out["change_type"] = text_of(h.change_type_name());
    out["change_origin"] = text_of(h.change_origin());
    out["transaction_key"] = text_of(h.transaction_key());
    out["sequence_number"] = h.sequence_number();
    out["commit_timestamp"] = h.commit_timestamp();
    out["commit_number"] = h.commit_number();
    out["commit_user"] = text_of(h.commit_user());
    out["nulled_fields"] = list_of(h.nulled_fields());
    out["diff_fields"] = list_of(h.diff_fields());
    out["changed_fields"] = list_of(h.changed_fields());
    return out;
}

[[noreturn]] void wrong_payload(const error& bad) { raise_decode_error({0, bad.offset, bad.message()}); }

nb::dict header(nb::handle payload) {
    std::string copy;
    const auto [h, bad] = cdc::read_header(one_payload(payload, copy));
    if (bad) wrong_payload(bad);
    return header_dict(h);
}

// The event, and what its views look into.
template<class F> auto with_event(const schema& s, nb::handle payload, F&& f) {
    std::string copy;
    const std::string_view bytes = one_payload(payload, copy);
    cdc::decoder decoder;
    const auto [event, bad] = decoder.decode(s.plan, bytes);
    if (bad) wrong_payload(bad);
    return f(event);
}

nb::list names_of(const cdc::field_list& fields) {
    nb::list out;
    for (const std::string_view name : fields) out.append(text_of(name));
    return out;
}

nb::dict field_lists(const schema& s, nb::handle payload) {
    return with_event(s, payload, [](const cdc::event& e) {
        nb::dict out;
        out["changed_fields"] = names_of(e.changed_fields());
        out["nulled_fields"] = names_of(e.nulled_fields());
        out["diff_fields"] = names_of(e.diff_fields());
        return out;
    });
}

nb::object event_json(const schema& s, nb::handle payload) {
    return with_event(s, payload, [](const cdc::event& e) {
        std::string out;
        row::append_event_json(e, out);
        return text_of(out);
    });
}

std::vector<std::tuple<std::string, std::string, std::string>> fields_of(const schema& s) {
    std::vector<std::tuple<std::string, std::string, std::string>> out;
    const avro::schema& types = s.plan.schema();
    const auto all = types.fields(types[types.root()]);
    for (std::uint32_t f = 0; f < s.plan.field_count(); ++f)
        out.emplace_back(std::string(s.plan.name({f})), std::string(to_string(types[s.plan[{f}].node].type)),
                         all[f].doc);
    return out;
}

// ---- positions

nb::bytes replay_id_of(std::string_view text, bool hex) {
    const auto [id, bad] = hex ? pubsub::replay_id::from_hex(text) : pubsub::replay_id::from_base64(text);
    if (bad)
        throw nb::value_error(
            (std::string("this is no replay id: character ") + std::to_string(bad.offset) + ": " + bad.message())
                .c_str());
    return nb::bytes(id.bytes().data(), id.bytes().size());
}

std::string replay_id_text(nb::bytes bytes, bool hex) {
    const auto [id, bad] = pubsub::replay_id::from_bytes({bytes.c_str(), bytes.size()});
    if (bad) throw nb::value_error(bad.message());
    return hex ? id.hex() : id.base64();
}

} // namespace

NB_MODULE(_core, m) {
    m.attr("__version__") = sfcdc::version;

    nb::class_<python_schema>(m, "Schema")
        .def(
            "__init__",
            [](python_schema* self, std::string json) { new (self) python_schema{schema::of(std::move(json))}; },
            "json"_a)
        .def_prop_ro("id", [](const python_schema& s) { return s->id; })
        .def_prop_ro("name", [](const python_schema& s) { return s->name; })
        .def_prop_ro("entity", [](const python_schema& s) { return s->entity; })
        .def_prop_ro("json", [](const python_schema& s) { return s->json; })
        .def_prop_ro("is_change_event", [](const python_schema& s) { return s->plan.has_header(); })
        .def_prop_ro("fields", [](const python_schema& s) { return fields_of(*s); })
        .def(
            "header",
            [](const python_schema& s, nb::handle payload) {
                return with_event(*s, payload, [](const cdc::event& e) { return header_dict(e.header()); });
            },
            "payload"_a)
        .def(
            "field_lists", [](const python_schema& s, nb::handle payload) { return field_lists(*s, payload); },
            "payload"_a)
        .def(
            "to_json", [](const python_schema& s, nb::handle payload) { return event_json(*s, payload); },
            "payload"_a)
        .def("__repr__", [](const python_schema& s) { return "Schema(" + s->name + ", id=" + s->id + ")"; });

    nb::class_<bad_event>(m, "BadEvent")
        .def_ro("index", &bad_event::index)
        .def_ro("byte", &bad_event::byte)
        .def_ro("reason", &bad_event::reason)
        .def("__repr__", [](const bad_event& b) {
            return "BadEvent(index=" + std::to_string(b.index) + ", byte=" + std::to_string(b.byte) + ", reason=\""
                   + b.reason + "\")";
        });

    nb::class_<decoded>(m, "Batches")
        .def_prop_ro("rows", [](const decoded& d) { return d.of.rows; })
        .def_prop_ro("errors", [](const decoded& d) { return d.of.bad; })
        .def("__arrow_c_schema__", [](const decoded& d) { return schema_capsule(d.layout); })
        .def(
            "__arrow_c_stream__", [](decoded& d, nb::handle) { return stream_capsule(d); },
            "requested_schema"_a = nb::none())
        .def(
            "__arrow_c_array__", [](decoded& d, nb::handle) { return array_capsules(d); },
            "requested_schema"_a = nb::none());

    nb::class_<python_decoder>(m, "Decoder")
        .def(
            "__init__",
            [](python_decoder* self, nb::handle schemas, std::string layout, std::vector<std::string> columns,
               std::vector<std::string> deny, std::vector<std::string> tokenise, nb::bytes token_key,
               const std::map<std::string, std::pair<int, int>>& decimals, bool multi_picklist_arrays) {
                decoder_options options{.layout = std::move(layout),
                                        .columns = std::move(columns),
                                        .deny = std::move(deny),
                                        .tokenise = std::move(tokenise),
                                        .token_key = std::string(token_key.c_str(), token_key.size()),
                                        .multi_picklist_arrays = multi_picklist_arrays};
                for (const auto& [field, digits] : decimals) {
                    const auto [precision, scale] = digits;
                    if (precision < 1 || precision > 38 || scale < 0 || scale > precision)
                        throw nb::value_error(
                            "decimals: a precision from 1 to 38 and a scale from 0 to the precision were expected");
                    options.decimals.push_back(
                        {field, static_cast<std::uint8_t>(precision), static_cast<std::uint8_t>(scale)});
                }
                new (self) python_decoder{std::make_shared<decoder>(schemas_of(schemas), options)};
            },
            "schemas"_a, nb::kw_only(), "layout"_a = "typed", "columns"_a = std::vector<std::string>(),
            "deny"_a = std::vector<std::string>(), "tokenise"_a = std::vector<std::string>(),
            "token_key"_a = nb::bytes("", 0), "decimals"_a = std::map<std::string, std::pair<int, int>>(),
            "multi_picklist_arrays"_a = false)
        .def("decode", decode, "payloads"_a, nb::kw_only(), "schema_ids"_a = nb::none(), "replay_ids"_a = nb::none(),
             "event_ids"_a = nb::none(), "topic"_a = "", "org_id"_a = "", "received_ms"_a = nb::none(), "epoch"_a = 0,
             "batch_rows"_a = 0, "on_error"_a = "raise")
        .def_prop_ro("warnings", [](const python_decoder& d) { return d.get()->warnings(); })
        .def("__arrow_c_schema__", [](const python_decoder& d) { return schema_capsule(d.get()->layout()); })
        .def("close", [](python_decoder& d) { d.open.reset(); })
        .def("__enter__", [](nb::object self) { return self; })
        .def("__exit__", [](python_decoder& d, nb::args) { d.open.reset(); });

    m.def("header", header, "payload"_a);
    m.def("replay_id_from_hex", [](std::string_view text) { return replay_id_of(text, true); }, "text"_a);
    m.def("replay_id_from_base64", [](std::string_view text) { return replay_id_of(text, false); }, "text"_a);
    m.def("replay_id_to_hex", [](nb::bytes id) { return replay_id_text(std::move(id), true); }, "replay_id"_a);
    m.def("replay_id_to_base64", [](nb::bytes id) { return replay_id_text(std::move(id), false); }, "replay_id"_a);
    m.def("schema_id", [](std::string json) { return schema::of(std::move(json))->id; }, "json"_a);
}

} // namespace sfcdc_python
