#include "zerobus_service.hpp"

#include "duplex.hpp"
#include "identifiers.hpp"
#include "row_decoder.hpp"
#include "table_contract.hpp"

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
#include <utility>

namespace emulator {
namespace {

namespace wire = databricks::zerobus;
using call_type = duplex<wire::EphemeralStreamRequest, wire::EphemeralStreamResponse>;

constexpr std::size_t max_request_bytes = 10u << 20;

std::string metadata(const grpc::CallbackServerContext& context, const char* key) {
    const auto found = context.client_metadata().find(key);
    return found == context.client_metadata().end() ? std::string()
                                                    : std::string(found->second.data(), found->second.size());
}

bool has_three_parts(const std::string& table_name) {
    std::size_t parts = 1, length = 0;
    for (const char c : table_name) {
        if (c != '.') {
            ++length;
        } else if (length == 0) {
            return false;
        } else {
            ++parts;
            length = 0;
        }
    }
    return parts == 3 && length > 0;
}

std::string text_of(const cell& value) {
    if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
    if (const auto* real = std::get_if<double>(&value)) return nlohmann::json(*real).dump();
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* bytes = std::get_if<blob>(&value)) return bytes->bytes;
    return "null";
}

// One stream from its first message to its status.
class ingest_session {
  public:
    ingest_session(world& of, const grpc::CallbackServerContext& context, call_type& call)
        : world_(of),
          context_(context),
          call_(call),
          stream_id_(fresh_uuid()),
          rotation_seen_(of.fault.last_rotation().count) {}

    grpc::Status run() {
        try {
            authenticate();
            if (!create()) return grpc::Status(grpc::CANCELLED, "no create_stream came");
            return serve();
        } catch (const refusal& e) {
            spdlog::info("stream {} of {} refused: {}", stream_id_, table_, e.what());
            return {e.code, e.what(), e.details};
        } catch (const std::exception& e) {
            spdlog::error("stream {} of {}: {}", stream_id_, table_, e.what());
            return {grpc::INTERNAL, e.what()};
        }
    }

  private:
    struct pending_ack {
        std::int64_t offset;
        steady::time_point due;
        std::size_t first_row, rows; // the former among the counted rows of the table
    };

    void authenticate() {
        const std::string authorization = metadata(context_, "authorization");
        table_ = metadata(context_, "x-databricks-zerobus-table-name");
        if (!authorization.starts_with("Bearer "))
            throw refusal(grpc::UNAUTHENTICATED, "authorization: Bearer <token> is missing");
        if (table_.empty()) throw refusal(grpc::INVALID_ARGUMENT, "x-databricks-zerobus-table-name is missing");
        const auto scope = world_.databricks_tokens.scope_of(authorization.substr(7));
        if (!scope) throw refusal(grpc::UNAUTHENTICATED, "the token is unknown or has expired");
        if (*scope != table_) {
            throw refusal(grpc::PERMISSION_DENIED,
                          "the token does not grant access to table " + table_ + ". Error Code: 4024");
        }
    }

    bool create() {
        std::optional<wire::EphemeralStreamRequest> first;
        while (!(first = call_.take_request())) {
            if (call_.cancelled() || call_.drained()) return false;
            call_.wait_until(steady::now() + std::chrono::seconds(60));
        }
        if (const auto code = world_.fault.take_create_error())
            throw refusal(*code, "stream creation fails on request");
        if (!first->has_create_stream())
            throw refusal(grpc::INVALID_ARGUMENT, "the first message must be create_stream");
        const wire::CreateIngestStreamRequest& create = first->create_stream();
        if (!has_three_parts(create.table_name()))
            throw refusal(grpc::INVALID_ARGUMENT, "table_name must be catalog.schema.table");
        if (create.table_name() != table_)
            throw refusal(grpc::INVALID_ARGUMENT, "table_name and x-databricks-zerobus-table-name differ");
        const auto listed = [&](const std::vector<std::string>& tables) {
            return std::find(tables.begin(), tables.end(), table_) != tables.end();
        };
        drops_seen_ = world_.tables.drops(table_); // before anything is known of the table
        const auto table = world_.unity_catalog.find_visible(table_);
        if (!table && (listed(world_.settings.unknown_tables) || world_.unity_catalog.dropped(table_)))
            throw refusal(grpc::NOT_FOUND, "there is no table " + table_);
        if (listed(world_.settings.forbidden_tables))
            throw refusal(grpc::PERMISSION_DENIED,
                          "the principal lacks grants on table " + table_ + ". Error Code: 4024");

        record_type_ = create.record_type();
        if (record_type_ == wire::PROTO)
            rows_ = make_proto_decoder(create.descriptor_proto());
        else if (record_type_ == wire::JSON)
            rows_ = make_json_decoder();
        else
            throw refusal(grpc::INVALID_ARGUMENT, "record_type must be PROTO or JSON");
        if (world_.settings.count_rows) {
            if (record_type_ != wire::PROTO)
                throw refusal(grpc::INVALID_ARGUMENT, "rows are counted here, and only those of type PROTO can be");
            counter_.emplace(create.descriptor_proto(), world_.settings.checksum_without);
        }
        if (table && table->contract) contract_.emplace(*table, *rows_);
        extend_table();

        wire::EphemeralStreamResponse response;
        response.mutable_create_stream_response()->set_stream_id(stream_id_);
        world_.count.streams_opened += 1;
        spdlog::info("stream {} into {}", stream_id_, table_);
        return call_.write(response);
    }

    // What a descriptor or a JSON record names and the table lacks.
    void extend_table() {
        if (rows_->columns().size() == known_columns_) return;
        if (contract_) {
            contract_->check_columns(rows_->columns(), known_columns_);
            known_columns_ = rows_->columns().size();
            return;
        }
        if (world_.settings.strict_tables && !world_.tables.columns(table_).empty())
            for (const auto& lacking : world_.tables.missing(table_, rows_->columns()))
                throw refusal(grpc::INVALID_ARGUMENT, "FIELD_NOT_IN_TABLE: " + lacking.name + ". Error Code: 8001");
        try {
            world_.tables.add_columns(table_, rows_->columns());
        } catch (const std::runtime_error& e) {
            throw refusal(grpc::INVALID_ARGUMENT, e.what());
        }
        known_columns_ = rows_->columns().size();
    }

    grpc::Status serve() {
        for (;;) {
            if (call_.cancelled()) return grpc::Status::CANCELLED;
            if (const auto code = world_.fault.take_stream_error()) return {*code, "stream fails on request"};
            if (world_.tables.drops(table_) != drops_seen_) throw table_gone();
            store_requests();
            follow_rotation();
            if (world_.fault.acks_wait_for_half_close()) acks_wait_ = true;
            const bool drained = call_.drained();
            if (drained && acks_wait_) {
                acks_wait_ = false;
                world_.fault.half_close_seen();
            }
            send_due_acks();
            if (drained && acks_.empty()) return grpc::Status::OK;
            if (ends_at_ && steady::now() >= *ends_at_) {
                return {grpc::UNAVAILABLE, "Stream timeout reached. Closing the stream (ID: " + stream_id_
                                               + "). Error Code: 6002, Error State: 0."};
            }
            call_.wait_until(next_deadline());
        }
    }

    steady::time_point next_deadline() const {
        auto deadline = steady::now() + std::chrono::seconds(60);
        if (!acks_.empty() && !acks_wait_)
            deadline = world_.fault.acks_held() ? steady::now() + std::chrono::milliseconds(10) : acks_.front().due;
        return ends_at_ ? std::min(deadline, *ends_at_) : deadline;
    }

    // All requests that have come go into one transaction and get one acknowledgement.
    void store_requests() {
        std::vector<table_row> rows;
        const std::int64_t first = next_offset_;
        const auto poisons = world_.fault.poisons();
        try {
            for (int taken = 0; taken < 64; ++taken) {
                const auto request = call_.take_request();
                if (!request) break;
                const std::size_t before = rows.size(), counted_before = counted_.size();
                try {
                    take_rows(*request, poisons, rows);
                } catch (...) {
                    counted_.resize(counted_before);
                    rows.resize(before); // a request is stored whole or not at all
                    throw;
                }
                ++next_offset_;
            }
        } catch (const refusal&) {
            commit(first, rows);
            if (!world_.fault.acks_held() && !acks_wait_) acknowledge(steady::time_point::max());
            throw;
        }
        commit(first, rows);
    }

    void take_rows(const wire::EphemeralStreamRequest& request, const std::vector<faults::poison>& poisons,
                   std::vector<table_row>& rows) {
        std::int64_t offset = 0;
        bool has_offset = false;
        std::vector<const std::string*> records;
        wire::RecordType type = wire::RECORD_TYPE_UNSPECIFIED;
        if (request.has_ingest_record()) {
            const auto& one = request.ingest_record();
            has_offset = one.has_offset_id();
            offset = one.offset_id();
            if (one.has_proto_encoded_record()) records = {&one.proto_encoded_record()}, type = wire::PROTO;
            if (one.has_json_record()) records = {&one.json_record()}, type = wire::JSON;
        } else if (request.has_ingest_record_batch()) {
            const auto& batch = request.ingest_record_batch();
            has_offset = batch.has_offset_id();
            offset = batch.offset_id();
            if (batch.has_proto_encoded_batch()) type = wire::PROTO;
            if (batch.has_json_batch()) type = wire::JSON;
            for (const auto& record : batch.proto_encoded_batch().records()) records.push_back(&record);
            for (const auto& record : batch.json_batch().records()) records.push_back(&record);
        } else {
            throw refusal(grpc::INVALID_ARGUMENT, "neither ingest_record nor ingest_record_batch");
        }
        if (!has_offset) throw refusal(grpc::INVALID_ARGUMENT, "offset_id is missing");
        if (offset != next_offset_)
            throw refusal(grpc::INVALID_ARGUMENT, "Non-incremental offset: expected " + std::to_string(next_offset_)
                                                      + ", actual " + std::to_string(offset));
        if (records.empty()) throw refusal(grpc::INVALID_ARGUMENT, "the request holds no record");
        if (type != record_type_)
            throw refusal(grpc::INVALID_ARGUMENT, "the record is not of the stream's record_type");
        std::size_t bytes = 0;
        for (const auto* record : records) bytes += record->size();
        if (bytes > max_request_bytes)
            throw refusal(grpc::INVALID_ARGUMENT, "the request holds more than 10 MiB of records");

        if (counter_) {
            for (const auto* record : records) counted_.push_back(counter_->count(*record));
            world_.count.ingest_requests += 1;
            return;
        }
        for (std::size_t i = 0; i < records.size(); ++i) {
            rows.push_back({offset, static_cast<std::int64_t>(i), rows_->decode(*records[i])});
            if (contract_) contract_->check_row(rows_->columns(), rows.back().cells);
            for (const auto& [column, value] : poisons)
                for (std::size_t c = 0; c < rows.back().cells.size(); ++c)
                    if (rows_->columns()[c].name == column && text_of(rows.back().cells[c]) == value)
                        throw refusal(grpc::INVALID_ARGUMENT,
                                      "column " + column + " holds a value that is not accepted");
        }
        // A new field of a JSON record is a column before the request counts as good.
        extend_table();
        world_.count.ingest_requests += 1;
    }

    void commit(std::int64_t first_offset, std::vector<table_row>& rows) {
        if (next_offset_ == first_offset) return;
        const auto due = steady::now() + world_.settings.ack_delay;
        if (counter_) {
            const std::size_t count = counted_.size();
            const std::size_t first = world_.counted.append(table_, std::exchange(counted_, {}));
            acks_.push_back({next_offset_ - 1, due, first, count});
            return;
        }
        for (auto& row : rows) row.cells.resize(known_columns_); // JSON rows that came before a column did
        const std::vector<column> stored(rows_->columns().begin(),
                                         rows_->columns().begin() + static_cast<std::ptrdiff_t>(known_columns_));
        if (!world_.tables.append(table_, drops_seen_, stream_id_, stored, rows)) throw table_gone();
        acks_.push_back({next_offset_ - 1, due, 0, rows.size()});
    }

    refusal table_gone() const { return {grpc::NOT_FOUND, "table " + table_ + " was dropped"}; }

    void follow_rotation() {
        const auto last = world_.fault.last_rotation();
        if (last.count == rotation_seen_) return;
        rotation_seen_ = last.count;
        wire::EphemeralStreamResponse response;
        auto* signal = response.mutable_close_stream_signal();
        if (last.duration) {
            signal->mutable_duration()->set_seconds(last.duration->count() / 1000);
            signal->mutable_duration()->set_nanos(static_cast<std::int32_t>(last.duration->count() % 1000)
                                                  * 1'000'000);
        }
        call_.write(response);
        ends_at_ = steady::now() + last.duration.value_or(std::chrono::milliseconds(0));
    }

    void send_due_acks() {
        if (!acks_wait_ && !world_.fault.acks_held()) acknowledge(steady::now());
    }

    void acknowledge(steady::time_point now) {
        std::optional<std::int64_t> up_to;
        for (; !acks_.empty() && acks_.front().due <= now; acks_.pop_front()) {
            const pending_ack& next = acks_.front();
            up_to = next.offset;
            if (counter_) world_.counted.acknowledge(table_, next.first_row, next.rows);
            world_.count.rows_acknowledged += next.rows;
        }
        if (!up_to) return;
        wire::EphemeralStreamResponse response;
        response.mutable_ingest_record_response()->set_durability_ack_up_to_offset(*up_to);
        call_.write(response);
        world_.count.acks_sent += 1;
    }

    world& world_;
    const grpc::CallbackServerContext& context_;
    call_type& call_;
    const std::string stream_id_;
    std::string table_;
    wire::RecordType record_type_ = wire::RECORD_TYPE_UNSPECIFIED;
    std::unique_ptr<row_decoder> rows_;
    std::optional<table_contract> contract_; // where CREATE TABLE has made the table
    std::optional<row_counter> counter_;     // with options::count_rows
    std::vector<counted_row> counted_;       // of the requests that were taken and not committed yet
    std::size_t known_columns_ = 0;          // columns of rows_ that the table has
    std::int64_t next_offset_ = 0;
    std::deque<pending_ack> acks_;
    bool acks_wait_ = false; // until the client half-closes
    std::uint64_t rotation_seen_;
    std::uint64_t drops_seen_ = 0;
    std::optional<steady::time_point> ends_at_;
};

} // namespace

grpc::ServerBidiReactor<wire::EphemeralStreamRequest, wire::EphemeralStreamResponse>*
zerobus_service::EphemeralStream(grpc::CallbackServerContext* context) {
    return call_type::serve(world_.settings.latency, [this, context](call_type& call) {
        const bells::listener listening(world_.ingest_streams, call);
        return ingest_session(world_, *context, call).run();
    });
}

} // namespace emulator
