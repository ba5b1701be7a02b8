// An emulator in this process and the clients of its services.
#pragma once

#include "emulator/emulator.hpp"

#include <chrono>
#include <google/protobuf/descriptor.pb.h>
#include <limits>
#include <memory>
#include <spdlog/spdlog.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace test {

namespace salesforce = eventbus::v1;
namespace zerobus = databricks::zerobus;
using nlohmann::json;
using metadata = std::vector<std::pair<std::string, std::string>>;

// Calls that a fault leaves hanging must not hang the tests.
inline void set_deadline(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
}

inline std::string trailer(const grpc::ClientContext& context, const char* key) {
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto found = trailers.find(key);
    return found == trailers.end() ? std::string() : std::string(found->second.data(), found->second.size());
}

struct peer {
    explicit peer(emulator::options chosen = {})
        : running((spdlog::set_level(spdlog::level::err), std::move(chosen))) {}

    emulator::world& state() { return running.state(); }

    // ---- HTTP
    httplib::Client salesforce_http() { return httplib::Client(state().urls.salesforce_url); }
    httplib::Client databricks_http() { return httplib::Client(state().urls.databricks_url); }
    json control(const std::string& path, const json& body, int expected_status = 200) {
        auto response = httplib::Client(state().urls.control_url).Post(path, body.dump(), "application/json");
        if (!response || response->status != expected_status)
            throw std::runtime_error(path + " " + body.dump() + ": " + (response ? response->body : "no answer"));
        return json::parse(response->body);
    }
    json fault(const json& command) { return control("/fault", command); }
    json status() { return json::parse(httplib::Client(state().urls.control_url).Get("/status")->body); }
    std::string salesforce_token() {
        const httplib::Params form{{"grant_type", "client_credentials"},
                                   {"client_id", state().settings.client_id},
                                   {"client_secret", state().settings.client_secret}};
        return json::parse(salesforce_http().Post("/services/oauth2/token", form)->body).at("access_token");
    }

    // ---- Pub/Sub
    std::unique_ptr<salesforce::PubSub::Stub> pubsub() {
        return salesforce::PubSub::NewStub(
            grpc::CreateChannel(state().urls.pubsub_endpoint, grpc::InsecureChannelCredentials()));
    }
    metadata salesforce_metadata() {
        return {{"accesstoken", salesforce_token()},
                {"instanceurl", state().urls.salesforce_url},
                {"tenantid", state().salesforce.id()}};
    }

    // ---- Zerobus
    std::unique_ptr<zerobus::Zerobus::Stub> ingest() {
        return zerobus::Zerobus::NewStub(
            grpc::CreateChannel(state().urls.zerobus_endpoint, grpc::InsecureChannelCredentials()));
    }
    metadata zerobus_metadata(const std::string& table) {
        return {
            {"authorization", "Bearer " + state().databricks_tokens.issue("eyJ", table, std::chrono::seconds(60))},
            {"x-databricks-zerobus-table-name", table}};
    }

    emulator::running_emulator running;
};

// What calls of Subscribe and ManagedSubscribe have in common.
template<typename Request, typename Response> struct fetch_call {
    using response_type = Response;

    fetch_call(peer& to, const metadata& headers) : stub(to.pubsub()) {
        set_deadline(context);
        for (const auto& [key, value] : headers) context.AddMetadata(key, value);
    }

    bool read(Response& into) { return stream->Read(&into); }
    // Reads to the end and gives the status.
    grpc::Status finish() {
        Response ignored;
        while (stream->Read(&ignored)) {
        }
        return stream->Finish();
    }
    std::string error_code() { return trailer(context, "error-code"); }

    grpc::ClientContext context;
    std::unique_ptr<salesforce::PubSub::Stub> stub;
    std::unique_ptr<grpc::ClientReaderWriter<Request, Response>> stream;
};

// A Subscribe call.
struct subscriber : fetch_call<salesforce::FetchRequest, salesforce::FetchResponse> {
    subscriber(peer& to, const metadata& headers) : fetch_call(to, headers) { stream = stub->Subscribe(&context); }
    explicit subscriber(peer& to) : subscriber(to, to.salesforce_metadata()) {}

    void fetch(const std::string& topic, int count, salesforce::ReplayPreset preset = salesforce::EARLIEST,
               const std::string& replay_id = {}) {
        salesforce::FetchRequest request;
        request.set_topic_name(topic);
        request.set_num_requested(count);
        request.set_replay_preset(preset);
        request.set_replay_id(replay_id);
        stream->Write(request);
    }
};

// A ManagedSubscribe call.
struct managed_subscriber : fetch_call<salesforce::ManagedFetchRequest, salesforce::ManagedFetchResponse> {
    managed_subscriber(peer& to, const metadata& headers) : fetch_call(to, headers) {
        stream = stub->ManagedSubscribe(&context);
    }
    explicit managed_subscriber(peer& to) : managed_subscriber(to, to.salesforce_metadata()) {}

    void begin(const std::string& developer_name, int count) {
        salesforce::ManagedFetchRequest request;
        request.set_developer_name(developer_name);
        request.set_num_requested(count);
        stream->Write(request);
    }
    void begin_by_id(const std::string& id, int count) {
        salesforce::ManagedFetchRequest request;
        request.set_subscription_id(id);
        request.set_num_requested(count);
        stream->Write(request);
    }
    void commit(const std::string& request_id, const std::string& replay_id, int count = 0) {
        salesforce::ManagedFetchRequest request;
        request.set_num_requested(count);
        request.mutable_commit_replay_id_request()->set_commit_request_id(request_id);
        request.mutable_commit_replay_id_request()->set_replay_id(replay_id);
        stream->Write(request);
    }
    void ask(int count) {
        salesforce::ManagedFetchRequest request;
        request.set_num_requested(count);
        stream->Write(request);
    }
    // Reads until this commit is answered; other responses are passed over. Empty when the call ends before.
    salesforce::CommitReplayResponse answer_to(const std::string& request_id) {
        salesforce::ManagedFetchResponse response;
        while (read(response))
            if (response.commit_response().commit_request_id() == request_id) return response.commit_response();
        return {};
    }
    bool end() {
        stream->WritesDone();
        return finish().ok();
    }
};

inline constexpr const char* error_code_prefix = "sfdc.platform.eventbus.grpc.";
inline constexpr const char* all_changes = "/data/ChangeEvents";

inline emulator::options publishing(std::uint64_t count) {
    emulator::options chosen;
    chosen.publish = count;
    chosen.publish_before_subscribe = true;
    return chosen;
}

// Publishing runs on its own thread: waits until all is there.
inline void wait_for_events(peer& of, std::size_t count) {
    for (int i = 0; i < 5000 && of.state().salesforce.published() < count; ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (of.state().salesforce.published() != count) throw std::runtime_error("not all events were published");
}

// Reads the call to its end and gives the error code without its prefix. Throws if the end has another form.
template<typename Call> std::string ending(Call& call, grpc::StatusCode expected) {
    const grpc::Status status = call.finish();
    const std::string code = call.error_code();
    if (status.error_code() != expected
        || status.error_message().find("rpcId: " + trailer(call.context, "rpc-id")) == std::string::npos
        || !code.starts_with(error_code_prefix))
        throw std::runtime_error("the call ended with status " + std::to_string(status.error_code()) + ", code \""
                                 + code + "\": " + status.error_message());
    return code.substr(std::string(error_code_prefix).size());
}

// An EphemeralStream call.
struct ingest_call {
    ingest_call(peer& to, const metadata& headers) : stub(to.ingest()) {
        set_deadline(context);
        for (const auto& [key, value] : headers) context.AddMetadata(key, value);
        stream = stub->EphemeralStream(&context);
    }

    bool create(const std::string& table, zerobus::RecordType type, const std::string& descriptor_proto = {}) {
        zerobus::EphemeralStreamRequest request;
        request.mutable_create_stream()->set_table_name(table);
        request.mutable_create_stream()->set_record_type(type);
        if (!descriptor_proto.empty()) request.mutable_create_stream()->set_descriptor_proto(descriptor_proto);
        stream->Write(request);
        zerobus::EphemeralStreamResponse response;
        return stream->Read(&response) && response.create_stream_response().stream_id().size() == 36;
    }
    void send_proto(std::int64_t offset, const std::string& record) {
        zerobus::EphemeralStreamRequest request;
        request.mutable_ingest_record()->set_offset_id(offset);
        request.mutable_ingest_record()->set_proto_encoded_record(record);
        stream->Write(request);
    }
    void send_json(std::int64_t offset, const std::vector<std::string>& records) {
        zerobus::EphemeralStreamRequest request;
        request.mutable_ingest_record_batch()->set_offset_id(offset);
        request.mutable_ingest_record_batch()->mutable_json_batch();
        for (const auto& record : records)
            request.mutable_ingest_record_batch()->mutable_json_batch()->add_records(record);
        stream->Write(request);
    }
    // Reads until this offset is acknowledged; false when the stream ends before.
    bool wait_for_ack(std::int64_t offset) {
        zerobus::EphemeralStreamResponse response;
        while (stream->Read(&response)) {
            if (response.has_close_stream_signal()) close_signals += 1;
            if (!response.has_ingest_record_response()) continue;
            acks.push_back(response.ingest_record_response().durability_ack_up_to_offset());
            if (acks.back() >= offset) return true;
        }
        return false;
    }
    grpc::Status finish() {
        wait_for_ack(std::numeric_limits<std::int64_t>::max());
        return stream->Finish();
    }

    grpc::ClientContext context;
    std::unique_ptr<zerobus::Zerobus::Stub> stub;
    std::unique_ptr<grpc::ClientReaderWriter<zerobus::EphemeralStreamRequest, zerobus::EphemeralStreamResponse>>
        stream;
    std::vector<std::int64_t> acks;
    int close_signals = 0;
};

} // namespace test
