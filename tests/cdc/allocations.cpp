// Nothing is allocated for an event once the first one of its schema was decoded, whatever is done with it. A program of
// its own: it replaces the global operator new.
#include "catch.hpp"
#include "exact_bytes.hpp"
#include "golden/golden.hpp"

#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <vector>

#include <sfcdc/sfcdc.hpp>

using namespace sfcdc;

namespace {

std::size_t allocations = 0; // one thread only

// Not inlined, or GCC sees malloc's memory under `new` and warns of it.
[[gnu::noinline]] void* counted(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
    ++allocations;
    const std::size_t whole = (size / alignment + 1) * alignment; // aligned_alloc wants a multiple
    return std::aligned_alloc(alignment, whole);
}
void* counted_or_throw(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
    if (void* const block = counted(size, alignment)) return block;
    throw std::bad_alloc();
}
[[gnu::noinline]] void release(void* block) noexcept { std::free(block); }

} // namespace

void* operator new(std::size_t size) { return counted_or_throw(size); }
void* operator new[](std::size_t size) { return counted_or_throw(size); }
void* operator new(std::size_t size, std::align_val_t at) {
    return counted_or_throw(size, static_cast<std::size_t>(at));
}
void* operator new[](std::size_t size, std::align_val_t at) {
    return counted_or_throw(size, static_cast<std::size_t>(at));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return counted(size); }
void operator delete(void* block) noexcept { release(block); }
void operator delete[](void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t) noexcept { release(block); }
void operator delete(void* block, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { release(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { release(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { release(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { release(block); }

namespace {

// How many blocks f() asks for. Nothing of Catch may run inside: it allocates.
template<class F> std::size_t allocations_of(F&& f) {
    const std::size_t before = allocations;
    f();
    return allocations - before;
}

// What was read goes here, so that no reading is optimised away.
volatile std::uint64_t seen = 0;
void see(std::uint64_t v) { seen = seen + v; }
void see(std::string_view text) {
    for (const char c : text) see(static_cast<unsigned char>(c));
}

// All golden events of one schema.
struct schema_events {
    cdc::plan plan;
    std::vector<exact_bytes> blocks;
    std::vector<std::span<const std::byte>> payloads;
};
std::map<std::string, schema_events> events_by_schema() {
    std::map<std::string, schema_events> out;
    for (const golden::event& e : golden::events()) {
        schema_events& of = out[e.schema_file];
        if (of.blocks.empty()) {
            auto [plan, bad] = cdc::compile(e.schema_json);
            REQUIRE_FALSE(bad);
            of.plan = std::move(plan);
        }
        of.blocks.emplace_back(e.payload);
        of.payloads.push_back(of.blocks.back().span());
    }
    return out;
}

void read_header_members(const cdc::event_header& h) {
    see(h.entity_name()), see(h.change_type_name()), see(h.change_origin()), see(h.transaction_key());
    see(static_cast<std::uint64_t>(h.change_type())), see(static_cast<std::uint64_t>(h.sequence_number()));
    see(static_cast<std::uint64_t>(h.commit_timestamp())), see(static_cast<std::uint64_t>(h.commit_number()));
    see(h.commit_user());
    for (const cdc::string_list& list : {h.record_ids(), h.changed_fields(), h.nulled_fields(), h.diff_fields()}) {
        see(list.size()), see(list.empty());
        for (const std::string_view text : list) see(text);
    }
}

void read_value(const avro::value& v) {
    std::string_view text;
    std::int64_t number = 0;
    double real = 0;
    if (v.read(text)) see(text);
    if (v.read(number)) see(static_cast<std::uint64_t>(number));
    if (v.read(real)) see(std::bit_cast<std::uint64_t>(real));
    v.for_each_item(read_value);
    v.for_each_entry([](std::string_view key, const avro::value& item) { see(key), read_value(item); });
    v.for_each_field([](std::string_view name, const avro::value& member) { see(name), read_value(member); });
}

void read_fields(const cdc::event& e) {
    const cdc::event::states states = e.field_states();
    for (std::uint32_t i = 0; i < e.plan().size(); ++i) {
        const avro::field f{i};
        see(e.plan().find(e.plan().name(f)).number);
        see(static_cast<std::uint64_t>(states[f])), see(static_cast<std::uint64_t>(e.state(f)));
        if (const auto v = e.get<std::string_view>(f)) see(v.value);
        if (const auto v = e.get<bool>(f)) see(v.value);
        if (const auto v = e.get<std::int32_t>(f)) see(static_cast<std::uint64_t>(v.value));
        if (const auto v = e.get<std::int64_t>(f)) see(static_cast<std::uint64_t>(v.value));
        if (const auto v = e.get<float>(f)) see(std::bit_cast<std::uint32_t>(v.value));
        if (const auto v = e.get<double>(f)) see(std::bit_cast<std::uint64_t>(v.value));
        if (const auto v = e.get<std::span<const std::byte>>(f)) see(wire::as_chars(v.value));
        read_value(e.value(f));
    }
}

void read_field_lists(const cdc::event& e) {
    for (const cdc::field_list& list : {e.changed_fields(), e.nulled_fields(), e.diff_fields()}) {
        see(list.size()), see(list.empty());
        for (const std::string_view name : list) see(name);
        for (const std::string_view name : list.parents()) see(name);
        for (std::uint32_t i = 0; i < e.plan().size(); ++i) see(list.contains({i}));
    }
}

} // namespace

TEST_CASE("the counter sees every way of allocating") {
    CHECK(allocations_of([] { see(std::string(100, 'x')); }) == 1);
    CHECK(allocations_of([] { see(*std::make_unique<volatile int>(7)); }) == 1);
    CHECK(allocations_of([] { see(std::make_unique<volatile int[]>(7)[3]); }) == 1);
    CHECK(allocations_of([] { ::operator delete(::operator new(64, std::align_val_t{64}), std::align_val_t{64}); })
          == 1);
    CHECK(allocations_of([] { ::operator delete(::operator new(64, std::nothrow)); }) == 1);
    CHECK(allocations_of([] { see("no allocation"); }) == 0);
}

TEST_CASE("decoding allocates for the first event of a schema only, good or bad") {
    for (const auto& [name, of] : events_by_schema()) {
        INFO(name);
        std::vector<exact_bytes> cut; // a refused event costs nothing either
        for (const auto payload : of.payloads)
            for (const std::size_t parts : {2, 3, 7})
                cut.emplace_back(wire::as_chars(payload.first(payload.size() / parts)));
        cdc::decoder decoder;
        CHECK(allocations_of([&] { see(decoder.decode(of.plan, of.payloads[0]).error.offset); }) > 0);
        std::size_t errors = 0;
        CHECK(allocations_of([&] {
                  for (const auto payload : of.payloads) errors += decoder.decode(of.plan, payload).error ? 1 : 0;
              })
              == 0);
        CHECK(errors == 0);
        CHECK(allocations_of([&] {
                  for (const exact_bytes& part : cut) errors += decoder.decode(of.plan, part.span()).error ? 1 : 0;
              })
              == 0);
        CHECK(errors == cut.size());
    }
}

TEST_CASE("decoding in turns allocates for the first two events of a schema only") {
    for (const auto& [name, of] : events_by_schema()) {
        INFO(name);
        cdc::decoder decoder;
        std::size_t decoded = 0;
        const auto count = [&](std::size_t, const result<cdc::event>& r) { decoded += r.error ? 0 : 1; };
        const std::span<const std::byte> first_two[] = {of.payloads.front(), of.payloads.back()};
        CHECK(allocations_of([&] { decoder.decode_each(of.plan, first_two, count); }) > 0);
        CHECK(allocations_of([&] {
                  decoder.decode_each(of.plan, of.payloads, count);
                  decoder.decode_each(of.plan, std::span(of.payloads).first(1), count);
              })
              == 0);
        CHECK(decoded == 2 + of.payloads.size() + 1);
    }
}

TEST_CASE("one decoder for all schemas allocates nothing once it has seen the widest") {
    const auto schemas = events_by_schema();
    cdc::decoder decoder;
    for (const auto& [name, of] : schemas) REQUIRE_FALSE(decoder.decode(of.plan, of.payloads[0]).error);
    CHECK(allocations_of([&] {
              for (int turn = 0; turn < 3; ++turn)
                  for (const auto& [name, of] : schemas)
                      for (const auto payload : of.payloads) see(decoder.decode(of.plan, payload).error.offset);
          })
          == 0);
}

TEST_CASE("a header without a schema allocates nothing, not even the first") {
    for (const auto& [name, of] : events_by_schema()) {
        INFO(name);
        CHECK(allocations_of([&] {
                  for (const auto payload : of.payloads)
                      if (const auto header = cdc::read_header(payload); header.ok())
                          read_header_members(header.value);
              })
              == 0);
    }
}

TEST_CASE("reading an event allocates nothing: header, fields, values, field lists") {
    for (const auto& [name, of] : events_by_schema()) {
        INFO(name);
        cdc::decoder decoder;
        REQUIRE_FALSE(decoder.decode(of.plan, of.payloads[0]).error);
        for (const auto payload : of.payloads) {
            const auto [event, bad] = decoder.decode(of.plan, payload);
            REQUIRE_FALSE(bad);
            CHECK(allocations_of([&] { read_header_members(event.header()); }) == 0);
            CHECK(allocations_of([&] { read_fields(event); }) == 0);
            CHECK(allocations_of([&] { read_field_lists(event); }) == 0);
        }
    }
}

TEST_CASE("rows and JSON allocate nothing while the buffer has room") {
    const std::string replay_id("\x00\x00\x00\x00\x01\x7b\xbd\x12\x00\x00", 10); // as long as those of Salesforce
    const row::envelope around{.event_id = "5e5a6b2e-0000-4000-8000-000000000001",
                               .schema_id = "schema-id-of-22-letters",
                               .topic_name = "/data/ChangeEvents",
                               .org_id = "00Dxx0000000001AAA",
                               .replay_id = wire::as_bytes(replay_id),
                               .schema_json = "{}",
                               .received_timestamp = 1760000001234};
    const row::layout layouts[] = {row::layout::sfcdc(), row::layout::salesforce_zerobus(), row::layout::lakeflow()};
    std::string out;
    out.reserve(1 << 20);
    for (const auto& [name, of] : events_by_schema()) {
        INFO(name);
        cdc::decoder decoder;
        for (const auto payload : of.payloads) {
            const auto [event, bad] = decoder.decode(of.plan, payload);
            REQUIRE_FALSE(bad);
            for (const row::layout& l : layouts) {
                out.clear();
                CHECK(allocations_of([&] {
                          row::for_each_row(l, event, [&](const row::record& of_record) {
                              row::append_protobuf(l, event, around, out, of_record);
                          });
                      })
                      == 0);
                CHECK(!out.empty());
                out.clear();
                CHECK(allocations_of([&] {
                          row::for_each_row(l, event, [&](const row::record& of_record) {
                              row::append_json(l, event, around, out, of_record);
                          });
                      })
                      == 0);
                CHECK(!out.empty());
            }
            out.clear();
            CHECK(allocations_of([&] {
                      row::append_event_json(event, out);
                      row::append_header_json(event, out);
                      row::append_field_lists_json(event, out);
                      row::append_body_json(event, out);
                      row::append_stated_json(event, out);
                      row::append_datum_json(event, out);
                  })
                  == 0);
            CHECK(!out.empty());
        }
    }
}

TEST_CASE("typed rows and all values allocate nothing once the buffers have their size") {
    for (const auto& [name, of] : events_by_schema()) {
        INFO(name);
        const row::layout table = row::typed_layout(of.plan).value;
        const row::bound_layout bound = row::bind(table, of.plan);
        cdc::decoder decoder;
        std::string json, message;
        const auto write_all = [&] {
            json.clear(), message.clear();
            for (const auto payload : of.payloads) {
                const auto decoded = decoder.decode(of.plan, payload);
                decoded.value.for_each_present([](avro::field f, std::string_view, const auto&) { see(f.number); });
                row::for_each_row(table, decoded.value, [&](const row::record& one) {
                    row::append_json(bound, decoded.value, {}, json, one);
                    row::append_protobuf(bound, decoded.value, {}, message, one);
                });
            }
        };
        CHECK(allocations_of(write_all) > 0);
        CHECK(allocations_of(write_all) == 0);
    }
}

TEST_CASE("arrow batches allocate nothing once the memory of a released batch is there") {
    for (const auto& [name, of] : events_by_schema()) {
        INFO(name);
        row::arrow_batch batch(row::typed_layout(of.plan).value, 64);
        const row::bound_layout bound = row::bind(batch.layout(), of.plan);
        cdc::decoder decoder;
        const auto fill = [&] {
            for (int turn = 0; turn < 30; ++turn)
                for (const auto payload : of.payloads) {
                    const auto decoded = decoder.decode(of.plan, payload);
                    if (batch.append(bound, decoded.value, {}) != errc::none) see(1);
                }
            ArrowArray out;
            batch.close(&out);
            see(static_cast<std::uint64_t>(out.length));
            out.release(&out);
        };
        CHECK(allocations_of(fill) > 0);
        CHECK(allocations_of(fill) == 0);
    }
}
