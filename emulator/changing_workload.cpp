#include "changing_workload.hpp"

#include "identifiers.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace emulator {
namespace {

constexpr std::uint64_t records_of_before = 20;
constexpr std::uint64_t stragglers_after_a_change = 20;
constexpr std::int64_t day_in_ms = 86'400'000;

// "a00", "a01", ..., "azz".
std::string key_prefix_of(std::size_t number) {
    constexpr std::string_view digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    return {'a', digits[number / 62 % 62], digits[number % 62]};
}

// These are told apart by what they hold: who and when.
bool is_kept_by_salesforce(const std::string& field) {
    return field.starts_with("Created") || field.starts_with("LastModified") || field == "OwnerId";
}

const char* name_of(change_type type) {
    constexpr std::array names{"CREATE",     "UPDATE",     "DELETE",       "UNDELETE",     "GAP_CREATE",
                               "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"};
    return names[static_cast<std::size_t>(type)];
}

std::string members_of(const event_schema& schema, const change_event_header& header,
                       const std::vector<stated_value>& stated) {
    using nlohmann::json;
    std::string out = R"("entity":)" + json(schema.entity_name).dump() + R"(,"schema_id":")" + schema.id
                      + R"(","change_type":")" + name_of(header.type) + R"(","record_ids":)"
                      + json(header.record_ids).dump() + R"(,"transaction_key":")" + header.transaction_key
                      + R"(","commit_number":)" + std::to_string(header.commit_number) + R"(,"sequence_number":)"
                      + std::to_string(header.sequence_number) + R"(,"fields":{)";
    bool first = true;
    for (const stated_value& one : stated) {
        const leaf_field& field = *one.field;
        out += std::exchange(first, false) ? "" : ",";
        out += json(field.field).dump() + R"(:{"column":)"
               + (field.column.empty() ? std::string("null") : json(field.column).dump()) + R"(,"value":)";
        append_told(out, one);
        if (const auto* integer = std::get_if<std::int64_t>(&one.value); integer && field.type == "long")
            out += R"(,"avro":)" + std::to_string(*integer);
        out += "}";
    }
    return out + "}";
}

} // namespace

changing_workload::changing_workload(std::uint64_t seed, std::size_t entities, bool tells, org& of)
    : org_(of), tells_(tells), dice_(seed ^ 0xc4a261), schema_dice_(seed ^ 0x5c4e3a), values_(dice_) {
    header_now_.commit_number = 12'279'648'331'300;
    for (std::size_t number = 0; number < entities; ++number) {
        entity& one =
            entities_.emplace_back(entity{entity_schema(number, schema_dice_), key_prefix_of(number), 0, {}, {}, {}});
        for (std::uint64_t i = 0; i < records_of_before; ++i) (void)new_record(one);
        const event_schema& schema = one.schema.current().schema;
        of.add_schema(schema.json);
        of.add_topic(schema.topic_name, schema.id);
    }
}

void changing_workload::begin(std::uint64_t event_count, std::uint64_t schema_changes) {
    std::lock_guard lock(mutex_);
    if (entities_.empty()) throw std::invalid_argument("The org has no entities whose schemas change.");
    std::vector<std::uint64_t> moments;
    for (; schema_changes > 0 && event_count > 0; --schema_changes) {
        const bool at_once = !moments.empty() && schema_dice_.chance(200);
        moments.push_back(at_once ? moments.back() : made_ + schema_dice_.below(event_count));
    }
    std::sort(moments.begin(), moments.end());
    changes_due_.assign(moments.begin(), moments.end());
}

std::size_t changing_workload::index_of(const std::string& name) const {
    for (std::size_t i = 0; i < entities_.size(); ++i)
        if (entities_[i].schema.entity() == name) return i;
    throw std::invalid_argument("There is no entity called \"" + name + "\" whose schema changes.");
}

nlohmann::json changing_workload::change_schema(const std::string& entity_name, const schema_change& wanted) {
    std::lock_guard lock(mutex_);
    return change(entities_[index_of(entity_name)], wanted);
}

nlohmann::json changing_workload::change(entity& of, const schema_change& wanted) {
    const std::string before = of.schema.current().schema.id;
    const schema_change done = of.schema.change(wanted, schema_dice_);
    const event_schema& schema = of.schema.current().schema;
    org_.add_schema(schema.json);
    org_.set_topic_schema(schema.topic_name, schema.id);
    of.stragglers = stragglers_after_a_change;
    nlohmann::json told{{"entity", schema.entity_name},
                        {"change", name_of(done.kind)},
                        {"schema_id", schema.id},
                        {"schema_id_before", before}};
    if (!done.field.empty()) told["field"] = done.field;
    if (!done.type.empty()) told["type"] = done.type;
    return told;
}

nlohmann::json changing_workload::description() const {
    std::lock_guard lock(mutex_);
    nlohmann::json all = nlohmann::json::array();
    for (const entity& one : entities_) {
        nlohmann::json ids = nlohmann::json::array();
        for (const schema_version& version : one.schema.versions()) ids.push_back(version.schema.id);
        all.push_back({{"entity", one.schema.entity()},
                       {"topic", one.schema.topic()},
                       {"schema_id", one.schema.current().schema.id},
                       {"schema_ids", std::move(ids)},
                       {"columns", one.schema.columns()},
                       {"records", one.states.count()}});
    }
    return all;
}

std::string changing_workload::record_lines(const std::string& entity_name, std::uint64_t& next,
                                            std::size_t limit) const {
    std::lock_guard lock(mutex_);
    const entity& one = entities_[index_of(entity_name)];
    return one.states.lines(next, limit, one.key_prefix, one.schema.columns());
}

// ---- records

std::uint64_t changing_workload::new_record(entity& of) { return of.live.emplace_back(++of.records_made); }

std::size_t changing_workload::some_record(entity& of) {
    if (of.live.empty()) (void)new_record(of);
    return static_cast<std::size_t>(dice_.below(of.live.size()));
}

std::vector<std::uint64_t> changing_workload::some_records(entity& of, std::size_t count) {
    std::vector<std::uint64_t> records;
    while (of.live.size() < count) (void)new_record(of);
    while (records.size() < count) {
        const std::uint64_t one = of.live[some_record(of)];
        if (std::find(records.begin(), records.end(), one) == records.end()) records.push_back(one);
    }
    return records;
}

void changing_workload::bury(entity& of, std::size_t live_index) {
    of.deleted.push_back(of.live[live_index]);
    std::swap(of.live[live_index], of.live.back());
    of.live.pop_back();
}

bool changing_workload::revive(entity& of) {
    if (of.deleted.empty()) return false;
    std::swap(of.deleted[static_cast<std::size_t>(dice_.below(of.deleted.size()))], of.deleted.back());
    of.live.push_back(of.deleted.back());
    of.deleted.pop_back();
    return true;
}

// ---- transactions

void changing_workload::begin_transaction() {
    clock_ms_ += static_cast<std::int64_t>(dice_.below(3)) * 1000;
    const std::int64_t commit_number = header_now_.commit_number + 1 + static_cast<std::int64_t>(dice_.below(5'000));
    header_now_ = {};
    header_now_.change_origin = "com/salesforce/api/rest/66.0;client=integration";
    header_now_.transaction_key = "000" + uuid(dice_).substr(3);
    header_now_.sequence_number = 0;
    header_now_.commit_timestamp = clock_ms_;
    header_now_.commit_number = commit_number;
    header_now_.commit_user = record_id("005", 40 + dice_.below(6));
    made_now_ = {};
}

changing_workload::transaction changing_workload::next_transaction(std::size_t limit) {
    std::lock_guard lock(mutex_);
    begin_transaction();
    const auto some_entity = [&]() -> entity& {
        return entities_[static_cast<std::size_t>(dice_.below(entities_.size()))];
    };
    entity& of = some_entity();
    const auto left = [&] { return limit - made_now_.events.size(); };
    const auto what = dice_.below(1000);
    if (what < 600) {
        update(of, {of.live[some_record(of)]}, 1 + dice_.below(4), true);
    } else if (what < 720) {
        for (std::size_t count = std::min<std::size_t>(left(), 1 + dice_.below(3)); count > 0; --count)
            create(of, change_type::create);
    } else if (what < 800) { // one change for several records, and then each record's own
        const std::vector<std::uint64_t> records = some_records(of, 2 + dice_.below(4));
        update(of, records, 1 + dice_.below(2), true);
        for (const std::uint64_t one : records)
            if (left() > 0 && dice_.chance(300)) update(of, {one}, 1 + dice_.below(2), false);
    } else if (what < 870) {
        const std::size_t index = some_record(of);
        const std::uint64_t record = of.live[index];
        bury(of, index);
        without_values(of, change_type::remove, {record});
    } else if (what < 895) {
        if (revive(of))
            create(of, change_type::undelete);
        else
            create(of, change_type::create);
    } else if (what < 910) {
        gap(of);
    } else { // several entities in one transaction
        for (std::size_t count = std::min<std::size_t>(left(), 2 + dice_.below(5)); count > 0; --count) {
            entity& one = some_entity();
            if (dice_.chance(200))
                create(one, change_type::create);
            else
                update(one, {one.live[some_record(one)]}, 1 + dice_.below(3), true);
        }
    }
    return std::move(made_now_);
}

// Changes of schemas that are due happen in front of the event.
const schema_version& changing_workload::version_for_next_event(entity& of) {
    for (; !changes_due_.empty() && changes_due_.front() <= made_; changes_due_.pop_front()) {
        using enum schema_change_kind;
        constexpr std::array kinds{add_field,    add_field,   add_field,   add_field,      remove_field,
                                   remove_field, change_type, change_type, earlier_schema, earlier_schema};
        entity& changed =
            schema_dice_.chance(500) ? of : entities_[static_cast<std::size_t>(schema_dice_.below(entities_.size()))];
        (void)change(changed, {schema_dice_.pick(kinds)});
    }
    if (of.stragglers > 0) {
        --of.stragglers;
        if (schema_dice_.chance(250)) return of.schema.replaced();
    }
    return of.schema.current();
}

scalar changing_workload::value_of(const field_shape& field) {
    scalar value = std::get<scalar>(values_.value_for(field));
    // Times have milliseconds, and some are of before 1970.
    if (auto* ms = std::get_if<std::int64_t>(&value); ms && field.type == "long") {
        const bool date = field.doc.find("DateOnly") != std::string::npos;
        const bool time = field.doc.find("TimeOnly") != std::string::npos;
        if (time)
            *ms = static_cast<std::int64_t>(dice_.below(day_in_ms));
        else if (!date)
            *ms += static_cast<std::int64_t>(dice_.below(day_in_ms));
        if (!time && dice_.chance(100)) *ms -= 22'000 * day_in_ms;
    }
    return value;
}

void changing_workload::create(entity& of, change_type type) {
    const schema_version& version = version_for_next_event(of);
    if (type == change_type::create) (void)new_record(of);
    const std::uint64_t record = of.live.back();
    event_body body;
    const std::vector<field_shape>& fields = version.schema.fields;
    for (std::size_t position = 1; position < fields.size(); ++position) {
        const field_shape& field = fields[position];
        if (field.name.ends_with("Date") && is_kept_by_salesforce(field.name))
            body[position] = scalar(clock_ms_);
        else if (is_kept_by_salesforce(field.name))
            body[position] = scalar(header_now_.commit_user);
        else if (field.name != "Name" && dice_.chance(400))
            continue;
        else if (field.compound)
            body[position] = values_.compound_for(*field.compound);
        else
            body[position] = value_of(field);
    }
    std::vector<stated_value> stated;
    stated.reserve(version.leaves.size());
    for (const leaf_field& leaf : version.leaves) {
        const auto found = body.find(leaf.path.field);
        if (found == body.end())
            stated.push_back({&leaf, {}});
        else if (leaf.path.child)
            stated.push_back({&leaf, std::get<compound>(found->second)[*leaf.path.child]});
        else
            stated.push_back({&leaf, std::get<scalar>(found->second)});
    }
    of.states.create(record, stated);
    add(of, version, {.record_ids = {record_id(of.key_prefix, record)}, .type = type}, body, stated);
}

// Some of the children change, some of these are cleared. Where nothing but cleared ones is left the compound itself is null.
void changing_workload::update_compound(const schema_version& version, std::size_t position,
                                        change_event_header& header, event_body& body) {
    const record_shape& shape = *version.schema.fields[position].compound;
    const compound values = values_.compound_for(shape);
    compound children(shape.fields.size());
    const auto always = static_cast<std::size_t>(dice_.below(shape.fields.size()));
    bool some = false;
    for (std::size_t child = 0; child < children.size(); ++child) {
        if (child != always && dice_.chance(600)) continue;
        header.changed_fields.insert({position, child});
        children[child] = values[child];
        if (std::holds_alternative<std::monostate>(values[child]))
            header.nulled_fields.insert({position, child});
        else
            some = true;
    }
    if (some) body[position] = std::move(children);
}

void changing_workload::update(entity& of, const std::vector<std::uint64_t>& records, std::size_t field_count,
                               bool last_modified) {
    const schema_version& version = version_for_next_event(of);
    const std::vector<field_shape>& fields = version.schema.fields;
    change_event_header header;
    for (const std::uint64_t one : records) header.record_ids.push_back(record_id(of.key_prefix, one));
    event_body body;
    for (; field_count > 0; --field_count) {
        const auto position = 1 + static_cast<std::size_t>(dice_.below(fields.size() - 1));
        const field_shape& field = fields[position];
        const auto touched = header.changed_fields.lower_bound({position});
        if (touched != header.changed_fields.end() && touched->field == position) continue;
        if (is_kept_by_salesforce(field.name)) continue;
        if (field.compound) {
            update_compound(version, position, header, body);
            continue;
        }
        header.changed_fields.insert({position});
        if (field.name != "Name" && dice_.chance(250))
            header.nulled_fields.insert({position});
        else
            body[position] = value_of(field);
    }
    if (last_modified || header.changed_fields.empty()) {
        const std::size_t position = version.schema.position("LastModifiedDate");
        body[position] = scalar(clock_ms_);
        header.changed_fields.insert({position});
        if (dice_.chance(200)) {
            const std::size_t by = version.schema.position("LastModifiedById");
            body[by] = scalar(header_now_.commit_user);
            header.changed_fields.insert({by});
        }
    }
    std::vector<stated_value> stated;
    for (const field_path& path : header.changed_fields) {
        const auto found = body.find(path.field);
        const leaf_field& leaf = version.leaf(path);
        if (found == body.end())
            stated.push_back({&leaf, {}});
        else if (path.child)
            stated.push_back({&leaf, std::get<compound>(found->second)[*path.child]});
        else
            stated.push_back({&leaf, std::get<scalar>(found->second)});
    }
    for (const std::uint64_t one : records) of.states.update(one, stated);
    add(of, version, std::move(header), body, stated);
}

void changing_workload::without_values(entity& of, change_type type, const std::vector<std::uint64_t>& records) {
    const schema_version& version = version_for_next_event(of);
    change_event_header header{.type = type};
    for (const std::uint64_t one : records) {
        header.record_ids.push_back(record_id(of.key_prefix, one));
        if (type == change_type::remove || type == change_type::gap_remove) of.states.remove(one);
        if (type == change_type::gap_update) of.states.doubt(one);
    }
    if (type == change_type::gap_overflow) header.record_ids = {"000000000000000AAA"};
    add(of, version, std::move(header), {}, {});
}

void changing_workload::gap(entity& of) {
    header_now_.change_origin.clear();
    header_now_.sequence_number = static_cast<std::int64_t>(dice_.below(20)); // any number is possible here
    switch (dice_.below(8)) {
    case 0: {
        const std::uint64_t record = new_record(of);
        return without_values(of, change_type::gap_create, {record});
    }
    case 1: {
        const std::size_t index = some_record(of);
        const std::uint64_t record = of.live[index];
        bury(of, index);
        return without_values(of, change_type::gap_remove, {record});
    }
    case 2:
        if (revive(of)) return without_values(of, change_type::gap_undelete, {of.live.back()});
        [[fallthrough]];
    case 3: return without_values(of, change_type::gap_overflow, {});
    default: return without_values(of, change_type::gap_update, some_records(of, 1 + dice_.below(3)));
    }
}

void changing_workload::add(entity& of, const schema_version& version, change_event_header header,
                            const event_body& body, const std::vector<stated_value>& stated) {
    header.change_origin = header_now_.change_origin;
    header.transaction_key = header_now_.transaction_key;
    header.sequence_number = ++header_now_.sequence_number;
    header.commit_timestamp = header_now_.commit_timestamp;
    header.commit_number = header_now_.commit_number;
    header.commit_user = header_now_.commit_user;
    const event_schema& schema = version.schema;
    if (tells_) made_now_.statements.push_back({of.schema.entity(), members_of(schema, header, stated)});
    made_now_.events.push_back({.topic_name = schema.topic_name,
                                .entity = schema.entity_name,
                                .id = uuid(dice_),
                                .schema_id = schema.id,
                                .payload = encode_change_event(schema, header, body),
                                .records = header.record_ids.size()});
    ++made_;
}

} // namespace emulator
