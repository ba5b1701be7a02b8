// A gRPC server on loopback that takes any method. Each call keeps what it receives and does what the test tells it; whatever
// happens to it wakes the inbox of the test, which is all that a test waits for.
#pragma once

#include "io/inbox.hpp"

#include <grpc/grpc.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace test {

// The library is never shut down between two tests: at times that waits 10 s for a poller of the server's side.
inline const bool library_stays = (grpc_init(), true);

inline std::string text_of(const grpc::ByteBuffer& bytes) {
    std::vector<grpc::Slice> slices;
    std::string text;
    if (bytes.Dump(&slices).ok())
        for (const grpc::Slice& s : slices) text.append(reinterpret_cast<const char*>(s.begin()), s.size());
    return text;
}

class served_call final : public grpc::ServerGenericBidiReactor {
  public:
    served_call(grpc::GenericCallbackServerContext& context, sfcdc::runner::inbox& tell)
        : method(context.method()),
          peer(context.peer()),
          context_(context),
          tell_(tell),
          echoes_(method == "/test/echo") {
        for (const auto& [name, value] : context.client_metadata())
            headers.emplace(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
        StartSendInitialMetadata();
        if (method != "/test/unread") start_reading();
    }

    const std::string method;
    const std::string peer;
    std::multimap<std::string, std::string> headers;

    // ---- from any thread
    void start_reading() { StartRead(&incoming_); }
    void write(std::string message) {
        const std::scoped_lock lock(mutex_);
        to_write_.push_back(std::move(message));
        go_on();
    }
    // Behind what was written.
    void finish(grpc::Status status, const std::string& error_code = {}) {
        const std::scoped_lock lock(mutex_);
        if (finishing_) return;
        if (!error_code.empty()) context_.AddTrailingMetadata("error-code", error_code);
        finishing_ = std::move(status);
        go_on();
    }
    std::vector<std::string> received() const { return locked(received_); }
    bool half_closed() const { return locked(half_closed_); }
    bool cancelled() const { return locked(cancelled_); }
    bool done() const { return locked(done_); }

  private:
    template<class T> T locked(const T& member) const {
        const std::scoped_lock lock(mutex_);
        return member;
    }

    void go_on() {
        if (writing_ || finished_) return;
        if (!to_write_.empty()) {
            const grpc::Slice slice(to_write_.front());
            outgoing_ = grpc::ByteBuffer(&slice, 1);
            to_write_.pop_front();
            writing_ = true;
            StartWrite(&outgoing_);
        } else if (finishing_) {
            finished_ = true;
            Finish(*finishing_);
        }
    }

    void OnReadDone(bool ok) override {
        {
            const std::scoped_lock lock(mutex_);
            half_closed_ = !ok;
            if (ok) {
                received_.push_back(text_of(incoming_));
                if (echoes_) to_write_.push_back(received_.back());
            } else if (echoes_ && !finishing_) {
                finishing_ = grpc::Status::OK;
            }
            go_on();
        }
        tell_.wake();
        if (ok) StartRead(&incoming_);
    }
    void OnWriteDone(bool ok) override {
        const std::scoped_lock lock(mutex_);
        writing_ = false;
        if (!ok) to_write_.clear();
        go_on();
    }
    void OnCancel() override {
        {
            const std::scoped_lock lock(mutex_);
            cancelled_ = true;
            to_write_.clear();
            if (!finishing_) finishing_ = grpc::Status::CANCELLED;
            go_on();
        }
        tell_.wake();
    }
    void OnDone() override {
        {
            const std::scoped_lock lock(mutex_);
            done_ = true;
        }
        tell_.wake();
    }

    grpc::GenericCallbackServerContext& context_; // until OnDone()
    sfcdc::runner::inbox& tell_;
    const bool echoes_;
    mutable std::mutex mutex_;
    grpc::ByteBuffer incoming_, outgoing_;
    std::deque<std::string> to_write_;
    std::vector<std::string> received_;
    std::optional<grpc::Status> finishing_;
    bool writing_ = false, finished_ = false, half_closed_ = false, cancelled_ = false, done_ = false;
};

class generic_server final : private grpc::CallbackGenericService {
  public:
    // Calls of "/test/echo" send back what they receive and end when the client has no more to say; those of "/test/unread" are
    // not read from before start_reading().
    explicit generic_server(sfcdc::runner::inbox& tell) : tell_(tell) {
        grpc::ServerBuilder builder;
        builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
        builder.RegisterCallbackGenericService(this);
        server_ = builder.BuildAndStart();
        if (!server_ || port_ == 0) throw std::runtime_error("no port on loopback");
    }
    ~generic_server() override { stop(); }

    // The calls that are open are cancelled, the connection is closed.
    void stop() {
        server_->Shutdown(std::chrono::system_clock::now());
        server_->Wait();
    }

    std::shared_ptr<grpc::Channel> channel() const {
        grpc::ChannelArguments arguments;
        arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
        arguments.SetMaxReceiveMessageSize(16 << 20);
        return grpc::CreateCustomChannel("127.0.0.1:" + port(), grpc::InsecureChannelCredentials(), arguments);
    }

    std::string port() const { return std::to_string(port_); }
    std::size_t count() const {
        const std::scoped_lock lock(mutex_);
        return calls_.size();
    }
    // As they came; stays until the server goes.
    served_call& call(std::size_t i) const {
        const std::scoped_lock lock(mutex_);
        return *calls_.at(i);
    }

  private:
    grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override {
        served_call* made = nullptr;
        {
            const std::scoped_lock lock(mutex_);
            calls_.push_back(std::make_unique<served_call>(*context, tell_));
            made = calls_.back().get();
        }
        tell_.wake();
        return made;
    }

    sfcdc::runner::inbox& tell_;
    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<served_call>> calls_;
    int port_ = 0;
    std::unique_ptr<grpc::Server> server_;
};

} // namespace test
