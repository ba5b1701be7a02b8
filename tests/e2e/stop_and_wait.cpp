// The client that round_trip.py compares with: asks for 100 events, makes rows of them, waits until these are durable, and
// asks for the next 100. It takes the runner's configuration, repeats nothing and stores no position; it runs until it is
// killed.
//
// usage: stop_and_wait CONFIG
#include "config/config.hpp"
#include "databricks/token.hpp"
#include "io/channel.hpp"
#include "salesforce/org.hpp"

#include <sfcdc/cdc/decoder.hpp>
#include <sfcdc/row/protobuf.hpp>
#include <sfcdc/wire/bytes.hpp>

#include <zerobus_service.grpc.pb.h>

#include <iostream>

namespace {

using namespace sfcdc;
namespace wire_zerobus = databricks::zerobus;

class client {
  public:
    explicit client(const runner::config& c)
        : pipeline_(c.pipelines.at(0)),
          workspace_(c.databricks.at(pipeline_.databricks)),
          org_(c.salesforce.at(pipeline_.salesforce)),
          session_(org_.session({}).credential),
          subscriber_(eventbus::v1::PubSub::NewStub(org_.open_channel())),
          writer_(
              wire_zerobus::Zerobus::NewStub(runner::open_channel(workspace_.zerobus_endpoint, workspace_.ca_file))) {
        for (const auto& [name, value] : runner::salesforce::org::headers(session_))
            subscribe_context_.AddMetadata(name, value);
        ingest_context_.AddMetadata(
            "authorization", "Bearer " + runner::databricks::ask_for_token(workspace_, pipeline_.table, {}).text);
        ingest_context_.AddMetadata("x-databricks-zerobus-table-name", pipeline_.table);
        events_ = subscriber_->Subscribe(&subscribe_context_);
        rows_ = writer_->EphemeralStream(&ingest_context_);
    }

    // Until one of the calls ends.
    void run() {
        wire_zerobus::EphemeralStreamRequest create;
        create.mutable_create_stream()->set_table_name(pipeline_.table);
        create.mutable_create_stream()->set_descriptor_proto(row::descriptor_proto(pipeline_.layout));
        create.mutable_create_stream()->set_record_type(wire_zerobus::PROTO);
        wire_zerobus::EphemeralStreamResponse answer;
        if (!rows_->Write(create) || !rows_->Read(&answer)) return;
        eventbus::v1::FetchRequest request;
        request.set_topic_name(pipeline_.topic);
        request.set_replay_preset(eventbus::v1::EARLIEST);
        request.set_num_requested(100);
        for (std::int64_t offset = 0; events_->Write(request); ++offset) {
            wire_zerobus::EphemeralStreamRequest batch;
            auto& records = *batch.mutable_ingest_record_batch();
            records.set_offset_id(offset);
            eventbus::v1::FetchResponse response;
            for (int events = 0; events < 100; events += response.events_size()) {
                if (!events_->Read(&response)) return;
                for (const auto& event : response.events()) add_rows(event, *records.mutable_proto_encoded_batch());
            }
            if (!rows_->Write(batch)) return;
            do
                if (!rows_->Read(&answer)) return;
            while (answer.ingest_record_response().durability_ack_up_to_offset() < offset);
        }
    }

  private:
    void add_rows(const eventbus::v1::ConsumerEvent& received, wire_zerobus::ProtoEncodedRecordBatch& to) {
        const auto schema = org_.schema(received.event().schema_id(), {});
        const auto [event, bad] = decoder_.decode(schema->plan, wire::as_bytes(received.event().payload()));
        if (bad) return;
        const row::envelope around{.event_id = received.event().id(),
                                   .schema_id = received.event().schema_id(),
                                   .topic_name = pipeline_.topic,
                                   .org_id = session_.org_id,
                                   .replay_id = wire::as_bytes(received.replay_id())};
        row::for_each_row(pipeline_.layout, event, [&, &e = event](const row::record& of) {
            row::append_protobuf(pipeline_.layout, e, around, *to.add_records(), of);
        });
    }

    const runner::pipeline_config& pipeline_;
    const runner::databricks_config& workspace_;
    runner::salesforce::org org_;
    runner::salesforce::session session_;
    std::unique_ptr<eventbus::v1::PubSub::Stub> subscriber_;
    std::unique_ptr<wire_zerobus::Zerobus::Stub> writer_;
    grpc::ClientContext subscribe_context_, ingest_context_;
    std::unique_ptr<grpc::ClientReaderWriter<eventbus::v1::FetchRequest, eventbus::v1::FetchResponse>> events_;
    std::unique_ptr<
        grpc::ClientReaderWriter<wire_zerobus::EphemeralStreamRequest, wire_zerobus::EphemeralStreamResponse>>
        rows_;
    cdc::decoder decoder_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) return 2;
    try {
        const runner::config c = runner::load_config(argv[1]);
        client(c).run();
        std::cerr << "a call has ended\n";
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
    }
    return 1;
}
