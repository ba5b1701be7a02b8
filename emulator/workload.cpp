#include "workload.hpp"

#include "identifiers.hpp"

#include <algorithm>
#include <array>
#include <openssl/evp.h>
#include <string_view>

namespace emulator {
namespace {

using namespace std::string_view_literals;

constexpr std::array origins{"com/salesforce/api/soap/66.0;client=SfdcInternalAPI/"sv,
                             "com/salesforce/api/rest/66.0;client=integration"sv,
                             "com/salesforce/api/bulkapi/65.0;client=loader"sv, "com/salesforce/api/apex/66.0"sv};

// On newer instances commit numbers are nanoseconds since the epoch: more than a double can count.
constexpr std::int64_t large_commit_number = 1'771'300'995'000'000'001;

std::string sha256_hex(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &length, EVP_sha256(), nullptr);
    return lower_hex({reinterpret_cast<const char*>(digest.data()), length});
}

} // namespace

workload::workload(std::uint64_t seed) : dice_(seed), values_(dice_) {}

void workload::begin(std::uint64_t event_count) {
    if (extended_ || extended_from_ > made_) return;
    extended_from_ = made_ + (event_count + 1) / 2;
    stragglers_until_ = extended_from_ + event_count / 20 + 2;
}

workload::kind workload::next_kind() {
    struct weight {
        kind what;
        unsigned per_mille;
    };
    constexpr std::array weights{weight{kind::account_update, 400},
                                 weight{kind::address_and_geocode, 90},
                                 weight{kind::split_update, 60},
                                 weight{kind::create, 110},
                                 weight{kind::remove, 30},
                                 weight{kind::undelete, 12},
                                 weight{kind::gap, 12},
                                 weight{kind::gap_overflow, 4},
                                 weight{kind::nulled, 50},
                                 weight{kind::text_diff, 6},
                                 weight{kind::person_name, 20},
                                 weight{kind::contact, 100},
                                 weight{kind::invoice, 76},
                                 weight{kind::order_event, 30}};
    auto left = dice_.below(1000);
    for (const auto& [what, per_mille] : weights) {
        if (left < per_mille) return what;
        left -= per_mille;
    }
    return kind::account_update;
}

workload::transaction workload::begin_transaction(bool background) {
    clock_ms_ += static_cast<std::int64_t>(dice_.below(3)) * 1000;
    commit_number_ += 1 + static_cast<std::int64_t>(dice_.below(5'000));
    if (extended_ && commit_number_ < large_commit_number) commit_number_ = large_commit_number;
    transaction made;
    // Salesforce's keys look like UUIDs that start low.
    made.key = "000" + uuid(dice_).substr(3);
    made.origin = background ? std::string() : std::string(dice_.pick(origins));
    made.user = record_id("005", background ? 9 : 40 + dice_.below(6));
    made.timestamp = clock_ms_;
    made.commit_number = commit_number_;
    return made;
}

const event_schema& workload::account_schema() {
    const bool straggler = made_ < stragglers_until_ && dice_.chance(300);
    return extended_ && !straggler ? all_schemas().account_extended : all_schemas().account;
}

const std::string& workload::known_record(std::vector<std::string>& records, std::string_view key_prefix) {
    if (records.size() < 40) return records.emplace_back(record_id(key_prefix, 1000 + ++records_made_ * 7));
    return dice_.pick(records);
}

std::vector<new_event> workload::next_transaction(std::size_t limit, org& of) {
    if (!extended_ && made_ >= extended_from_) {
        extended_ = true;
        of.set_topic_schema(all_schemas().account.topic_name, all_schemas().account_extended.id);
    }
    transaction t = begin_transaction();
    switch (next_kind()) {
    case kind::account_update:
        update(t, account_schema(), {known_record(accounts_, "001")}, 1 + dice_.below(4), true);
        break;
    case kind::address_and_geocode: address_and_geocode(t, limit); break;
    case kind::split_update: split_update(t, limit); break;
    case kind::create: {
        const event_schema& schema = account_schema();
        for (std::size_t left = std::min<std::size_t>(limit, 1 + dice_.below(3)); left > 0; --left)
            create(t, schema, change_type::create,
                   accounts_.emplace_back(record_id("001", 1000 + ++records_made_ * 7)));
        break;
    }
    case kind::remove: {
        change_event_header header{.type = change_type::remove};
        header.record_ids = {known_record(accounts_, "001")};
        std::erase(accounts_, header.record_ids.front());
        deleted_.push_back(header.record_ids.front());
        add(t, account_schema(), header, {});
        break;
    }
    case kind::undelete:
        if (deleted_.empty()) {
            update(t, account_schema(), {known_record(accounts_, "001")}, 2, true);
        } else {
            accounts_.push_back(deleted_.back());
            deleted_.pop_back();
            create(t, account_schema(), change_type::undelete, accounts_.back());
        }
        break;
    case kind::gap: {
        constexpr std::array types{change_type::gap_update, change_type::gap_update, change_type::gap_create,
                                   change_type::gap_remove, change_type::gap_undelete};
        t.origin.clear();
        t.sequence = static_cast<std::int64_t>(dice_.below(20)); // any number is possible here
        add(t, account_schema(), {.record_ids = {known_record(accounts_, "001")}, .type = dice_.pick(types)}, {});
        break;
    }
    case kind::gap_overflow:
        t.origin.clear();
        add(t, account_schema(), {.record_ids = {"000000000000000AAA"}, .type = change_type::gap_overflow}, {});
        break;
    case kind::nulled: nulled(t); break;
    case kind::text_diff: text_diff(t); break;
    case kind::person_name: person_name(t); break;
    case kind::contact:
        if (dice_.chance(250))
            create(t, all_schemas().contact, change_type::create,
                   contacts_.emplace_back(record_id("003", 1000 + ++records_made_ * 7)));
        else
            update(t, all_schemas().contact, {known_record(contacts_, "003")}, 1 + dice_.below(3), true);
        break;
    case kind::invoice:
        if (dice_.chance(300))
            create(t, all_schemas().invoice, change_type::create,
                   invoices_.emplace_back(record_id("a0B", 1000 + ++records_made_ * 7)));
        else
            update(t, all_schemas().invoice, {known_record(invoices_, "a0B")}, 1 + dice_.below(3), true);
        break;
    case kind::order_event: platform_event(t, all_schemas().order_event); break;
    }
    made_ += t.events.size();
    return std::move(t.events);
}

void workload::add(transaction& in, const event_schema& schema, change_event_header header, const event_body& body) {
    header.change_origin = in.origin;
    header.transaction_key = in.key;
    header.sequence_number = ++in.sequence;
    header.commit_timestamp = in.timestamp;
    header.commit_number = in.commit_number;
    header.commit_user = in.user;
    const std::size_t records = header.record_ids.size();
    in.events.push_back({.topic_name = schema.topic_name,
                         .entity = schema.entity_name,
                         .id = uuid(dice_),
                         .schema_id = schema.id,
                         .payload = encode_change_event(schema, header, body),
                         .records = records});
}

void workload::update(transaction& in, const event_schema& schema, std::vector<std::string> records,
                      std::size_t field_count, bool last_modified) {
    change_event_header header{.record_ids = std::move(records)};
    event_body body;
    while (field_count > 0) {
        const auto position = 1 + static_cast<std::size_t>(dice_.below(schema.fields.size() - 1));
        const field_shape& field = schema.fields[position];
        --field_count;
        if (field.name.starts_with("Created") || field.name.starts_with("LastModified") || body.contains(position))
            continue;
        if (field.compound && !field.or_string) {
            // Only some of the children change: their bits stand in the nested bitmap, not the parent's at the top.
            compound children(field.compound->fields.size());
            const compound all = values_.compound_for(*field.compound);
            for (std::size_t child = 0; child < all.size(); ++child) {
                if (std::holds_alternative<std::monostate>(all[child]) || (child > 0 && dice_.chance(600))) continue;
                children[child] = all[child];
                header.changed_fields.insert({position, child});
            }
            if (header.changed_fields.lower_bound({position, 0}) != header.changed_fields.end())
                body[position] = std::move(children);
        } else {
            body[position] = values_.value_for(field);
            header.changed_fields.insert({position});
        }
    }
    if (last_modified || header.changed_fields.empty()) {
        const std::size_t position = schema.position("LastModifiedDate");
        body[position] = scalar(in.timestamp);
        header.changed_fields.insert({position});
        if (dice_.chance(200)) {
            const std::size_t by = schema.position("LastModifiedById");
            body[by] = scalar(in.user);
            header.changed_fields.insert({by});
        }
    }
    add(in, schema, header, body);
}

void workload::create(transaction& in, const event_schema& schema, change_type type, const std::string& record) {
    event_body body;
    for (std::size_t position = 1; position < schema.fields.size(); ++position) {
        const std::string& name = schema.fields[position].name;
        if (name.ends_with("ModifiedDate") || name == "CreatedDate")
            body[position] = scalar(in.timestamp);
        else if (name.ends_with("ModifiedById") || name == "CreatedById" || name == "OwnerId")
            body[position] = scalar(in.user);
        else if (name == "Name" || dice_.chance(550))
            body[position] = values_.value_for(schema.fields[position]);
    }
    add(in, schema, {.record_ids = {record}, .type = type}, body);
}

// One update of several records: what is common comes once for all of them, then each record's own part.
void workload::split_update(transaction& in, std::size_t limit) {
    const event_schema& schema = account_schema();
    std::vector<std::string> records;
    const std::size_t wanted = 2 + static_cast<std::size_t>(dice_.below(19));
    while (records.size() < wanted) {
        const std::string& record = known_record(accounts_, "001");
        if (std::find(records.begin(), records.end(), record) == records.end()) records.push_back(record);
    }
    update(in, schema, records, 0, true);
    if (wanted > 5) {
        // All records got the same value in one field more.
        if (in.events.size() < limit) {
            const std::size_t position = schema.position("Segment__c");
            add(in, schema, {.record_ids = records, .changed_fields = {{position}}},
                {{position, values_.value_for(schema.fields[position])}});
        }
        return;
    }
    for (const auto& record : records)
        if (in.events.size() < limit) update(in, schema, {record}, 2, false);
}

// A change of an address; one second later the geocoding job of Salesforce writes the coordinates.
void workload::address_and_geocode(transaction& in, std::size_t limit) {
    const event_schema& schema = account_schema();
    const std::string record = known_record(accounts_, "001");
    const std::size_t position = schema.position(dice_.chance(500) ? "ShippingAddress" : "BillingAddress");
    const record_shape& address = *schema.fields[position].compound;
    const auto child = [&](std::string_view name) {
        for (std::size_t i = 0; i < address.fields.size(); ++i)
            if (address.fields[i].name == name) return i;
        return address.fields.size();
    };

    compound moved(address.fields.size());
    moved[child("Street")] = std::to_string(1 + dice_.below(900)) + " " + values_.word() + " Street";
    const std::size_t modified = schema.position("LastModifiedDate");
    change_event_header header{.record_ids = {record}, .changed_fields = {{modified}, {position, child("Street")}}};
    event_body body{{position, moved}, {modified, scalar(in.timestamp)}};
    if (dice_.chance(500)) {
        std::get<compound>(body[position])[child("City")] = values_.city();
        header.changed_fields.insert({position, child("City")});
    }
    add(in, schema, header, body);
    if (limit < 2) return;

    clock_ms_ += 1000;
    transaction job = begin_transaction(true);
    compound place(address.fields.size());
    place[child("Latitude")] = static_cast<double>(dice_.below(180'000'000)) / 1e6 - 90;
    place[child("Longitude")] = static_cast<double>(dice_.below(360'000'000)) / 1e6 - 180;
    add(job, schema,
        {.record_ids = {record}, .changed_fields = {{position, child("Latitude")}, {position, child("Longitude")}}},
        {{position, place}});
    in.events.push_back(std::move(job.events.front()));
}

std::vector<new_event> workload::sized_update(std::size_t bytes) {
    const event_schema& schema = account_schema();
    const std::size_t description = schema.position("Description");
    const std::size_t modified = schema.position("LastModifiedDate");
    transaction t = begin_transaction();
    const change_event_header header{.record_ids = {known_record(accounts_, "001")},
                                     .changed_fields = {{description}, {modified}}};
    event_body body{{description, scalar(std::string())}, {modified, scalar(t.timestamp)}};
    add(t, schema, header, body);
    const std::size_t empty = t.events.front().payload.size();
    if (bytes > empty) {
        // The text's length is a varint of one byte while it is empty, and of more with 64, 8192, … bytes.
        std::size_t length = bytes - empty;
        for (std::size_t limit = 64; length >= limit; limit *= 128) --length;
        std::string text;
        while (text.size() < length) text += values_.choice() + " leads are reviewed every week. ";
        text.resize(length);
        body[description] = scalar(std::move(text));
        t.sequence = 0;
        t.events.clear();
        add(t, schema, header, body);
    }
    made_ += t.events.size();
    return std::move(t.events);
}

void workload::nulled(transaction& in) {
    const event_schema& schema = account_schema();
    const std::size_t modified = schema.position("LastModifiedDate");
    change_event_header header{.record_ids = {known_record(accounts_, "001")}, .changed_fields = {{modified}}};
    if (dice_.chance(300)) {
        // All that was set of an address: no bit at the top, only the children's.
        const std::size_t position = schema.position("BillingAddress");
        for (std::size_t child = 0; child < 5; ++child) header.nulled_fields.insert({position, child});
    } else {
        header.nulled_fields.insert({schema.position("Phone")});
        if (dice_.chance(400)) header.nulled_fields.insert({schema.position("Renewal_Date__c")});
        if (dice_.chance(300)) header.nulled_fields.insert({schema.position("ShippingAddress"), 3});
    }
    header.changed_fields.insert(header.nulled_fields.begin(), header.nulled_fields.end());
    add(in, schema, header, {{modified, scalar(in.timestamp)}});
}

// Long text that changed a little comes as a diff with the hash of the new text.
void workload::text_diff(transaction& in) {
    const event_schema& schema = account_schema();
    const std::size_t changed_line = 1 + static_cast<std::size_t>(dice_.below(40));
    std::string text, replaced, replacement;
    for (std::size_t line = 1; line <= 40; ++line) {
        const std::string old = "Paragraph " + std::to_string(line) + ": " + values_.choice()
                                + " leads are reviewed every week by the owner.";
        if (line == changed_line) {
            replaced = old;
            replacement = old + " (revised)";
        }
        text += (line == changed_line ? replacement : old) + "\n";
    }
    const std::string at = std::to_string(changed_line) + ",1";
    const std::string diff = "--- \n+++ " + sha256_hex(text) + "\n@@ -" + at + " +" + at + " @@\n-" + replaced + "\n+"
                             + replacement + "\n";
    const std::size_t description = schema.position("Description");
    const std::size_t modified = schema.position("LastModifiedDate");
    add(in, schema,
        {.record_ids = {known_record(accounts_, "001")},
         .diff_fields = {{description}},
         .changed_fields = {{description}, {modified}}},
        {{description, scalar(diff)}, {modified, scalar(in.timestamp)}});
}

void workload::person_name(transaction& in) {
    const event_schema& schema = account_schema();
    const std::size_t name = schema.position("Name");
    const std::size_t modified = schema.position("LastModifiedDate");
    add(in, schema,
        {.record_ids = {known_record(accounts_, "001")}, .changed_fields = {{name, 1}, {name, 2}, {modified}}},
        {{name, compound{scalar(), scalar(values_.word()), scalar(values_.word())}},
         {modified, scalar(in.timestamp)}});
}

std::vector<new_event> workload::platform_events(const event_schema& schema, std::size_t count) {
    std::vector<new_event> out;
    while (out.size() < count) {
        transaction t = begin_transaction();
        platform_event(t, schema);
        out.push_back(std::move(t.events.front()));
    }
    return out;
}

void workload::platform_event(transaction& in, const event_schema& schema) {
    event_body body{{0, scalar(in.timestamp)}, {1, scalar(in.user)}};
    for (std::size_t position = 2; position < schema.fields.size(); ++position)
        if (dice_.chance(800)) body[position] = values_.value_for(schema.fields[position]);
    in.events.push_back({.topic_name = schema.topic_name,
                         .entity = schema.entity_name,
                         .id = uuid(dice_),
                         .schema_id = schema.id,
                         .payload = encode_platform_event(schema, body)});
}

} // namespace emulator
