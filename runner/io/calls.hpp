// gRPC calls in both directions, as the protocol machines want them performed: numbered by the machine, bytes in and bytes
// out, no generated classes.
#pragma once

#include "inbox.hpp"

#include <sfcdc/call/call_io.hpp>
#include <sfcdc/wire/grpc_status.hpp>

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sfcdc::runner {

// A message as it came, nearly always in gRPC's own memory. Shared by those who keep views of it.
class received_bytes {
  public:
    explicit received_bytes(const grpc::ByteBuffer& from);
    std::string_view view() const noexcept;
    // Keeps the bytes of view() where they are.
    std::shared_ptr<const void> owner() const noexcept { return slice_; }

  private:
    std::shared_ptr<const grpc::Slice> slice_; // not by value: a short slice has its bytes in itself
};

struct call_status {
    wire::grpc_status code = wire::grpc_status::ok;
    std::string error_code; // trailer "error-code"
    std::string message;
};
call_status status_of(const grpc::Status& status, const grpc::ClientContext& context);

// The calls of one machine. Used by the thread that waits on the inbox.
class calls {
  public:
    // noexcept: they are called from within gRPC's completions.
    class listener {
      public:
        virtual void call_opened(std::uint64_t call) noexcept = 0;
        virtual void call_responded(std::uint64_t call, received_bytes response) noexcept = 0;
        virtual void call_ended(std::uint64_t call, const call_status& status) noexcept = 0;

      protected:
        ~listener() = default;
    };
    using metadata = std::vector<std::pair<std::string, std::string>>;

    // Both outlive it.
    calls(inbox& in, const std::shared_ptr<grpc::Channel>& channel, listener& to)
        : inbox_(in), stub_(channel), listener_(to) {}
    ~calls(); // cancels what is open, and waits until gRPC has let go of it

    // Throws failure for a header that no call may carry: gRPC would end the process. Whoever makes headers of a peer's words has
    // checked them before; this is the last line.
    void open(std::uint64_t call, const std::string& method, const metadata& headers);
    // What a machine asks for and needs no token: send_request, half_close, cancel_call.
    void perform(call::action& action);
    // Kept until gRPC takes it: one message at a time, as fast as the peer reads. void for a call that has ended.
    void send(std::uint64_t call, std::string message);
    void half_close(std::uint64_t call); // behind what was to be sent
    void cancel(std::uint64_t call);     // nothing is heard of it any more

  private:
    class one_call;

    inbox& inbox_;
    grpc::GenericStub stub_;
    listener& listener_;
    std::map<std::uint64_t, one_call*> open_; // each deletes itself when gRPC is done with it
    std::size_t alive_ = 0;                   // with those that were cancelled
};

} // namespace sfcdc::runner
