// A small change event whose every part a test can choose.
#pragma once

#include "exact_bytes.hpp"
#include "reference/avro_writer.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace made {

// 0 header, 1 Phone, 2 Address (Street, City), 3 Amount, 4 Name (string or record of First, Last), 5 Place (one child X)
inline std::string schema(
    const std::string& symbols =
        R"("CREATE","UPDATE","DELETE","UNDELETE","GAP_CREATE","GAP_UPDATE","GAP_DELETE","GAP_UNDELETE","GAP_OVERFLOW","SNAPSHOT","LATER")") {
    return R"({"type":"record","name":"ThingChangeEvent","namespace":"com.sforce.eventbus","fields":[
        {"name":"ChangeEventHeader","type":{"type":"record","name":"ChangeEventHeader","fields":[{"name":"entityName","type":"string"},
        {"name":"recordIds","type":{"type":"array","items":"string"}},{"name":"changeType","type":{"type":"enum","name":"ChangeType","symbols":[)"
           + symbols + R"(]}},
        {"name":"changeOrigin","type":"string"},{"name":"transactionKey","type":"string"},{"name":"sequenceNumber","type":"int"},{"name":"commitTimestamp","type":"long"},
        {"name":"commitNumber","type":"long"},{"name":"commitUser","type":"string"},{"name":"nulledFields","type":{"type":"array","items":"string"}},
        {"name":"diffFields","type":{"type":"array","items":"string"}},{"name":"changedFields","type":{"type":"array","items":"string"}}]},"doc":"Data:ComplexValueType"},
        {"name":"Phone","type":["null","string"],"default":null},
        {"name":"Address","type":["null",{"type":"record","name":"Address","fields":[{"name":"Street","type":["null","string"]},{"name":"City","type":["null","string"]}]}]},
        {"name":"Amount","type":["null","double"]},
        {"name":"Name","type":["null","string",{"type":"record","name":"Switchable_PersonName","fields":[{"name":"First","type":["null","string"]},{"name":"Last","type":["null","string"]}]}]},
        {"name":"Place","type":["null",{"type":"record","name":"Place","fields":[{"name":"X","type":["null","double"]}]}]}]})";
}

struct header {
    std::string entity = "Thing";
    std::vector<std::string> ids = {"a01xx0000000001AAA"};
    int change_type = 1; // UPDATE
    std::string origin = "com/example", key = "key";
    std::int32_t sequence = 1;
    std::int64_t timestamp = 1760000000000, number = 42;
    std::string user = "005xx0000000001AAA";
    std::vector<std::string> nulled, diff, changed;
};

inline void texts(reference::avro_writer& w, const std::vector<std::string>& list) {
    if (!list.empty()) w.integer(static_cast<std::int64_t>(list.size()));
    for (const std::string& s : list) w.text(s);
    w.integer(0);
}

// `body` are the bytes of fields 1 to 5; all null unless said.
inline std::string payload(const header& h, const std::string& body = std::string(5, '\0')) {
    reference::avro_writer w;
    w.text(h.entity);
    texts(w, h.ids);
    w.integer(h.change_type)
        .text(h.origin)
        .text(h.key)
        .integer(h.sequence)
        .integer(h.timestamp)
        .integer(h.number)
        .text(h.user);
    texts(w, h.nulled);
    texts(w, h.diff);
    texts(w, h.changed);
    return w.raw(body).bytes();
}

} // namespace made
