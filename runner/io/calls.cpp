#include "calls.hpp"

#include "../operations/failure.hpp"

#include <algorithm>
#include <deque>
#include <optional>

namespace sfcdc::runner {

received_bytes::received_bytes(const grpc::ByteBuffer& from) {
    auto slice = std::make_shared<grpc::Slice>();
    if (!from.TrySingleSlice(slice.get()).ok() && !from.DumpToSingleSlice(slice.get()).ok()) *slice = {};
    slice_ = std::move(slice);
}

std::string_view received_bytes::view() const noexcept {
    return {reinterpret_cast<const char*>(slice_->begin()), slice_->size()};
}

call_status status_of(const grpc::Status& status, const grpc::ClientContext& context) {
    const auto& trailers = context.GetServerTrailingMetadata();
    const auto code = trailers.find("error-code");
    return {static_cast<wire::grpc_status>(status.error_code()),
            code == trailers.end() ? std::string() : std::string(code->second.data(), code->second.size()),
            status.error_message()};
}

// Lives from open() until gRPC has nothing of it any more, which is later than the machine's interest in it.
class calls::one_call {
  public:
    one_call(calls& of, std::uint64_t number) : of_(of), number_(number) { ++of_.alive_; }

    void start(const std::string& method, const metadata& headers) {
        for (const auto& [name, value] : headers) context_.AddMetadata(name, value);
        stream_ = of_.stub_.PrepareCall(&context_, method, &of_.inbox_.queue());
        stream_->StartCall(begin(started_));
    }
    void send(std::string message) {
        unsent_.push_back(std::move(message));
        write_next();
    }
    void half_close() {
        closing_ = true;
        write_next();
    }
    void cancel() {
        forgotten_ = true;
        running_ = false;
        context_.TryCancel();
    }

  private:
    // Each kind of operation is its own tag, and under way once at most.
    struct step final : inbox::operation {
        step(one_call& c, void (one_call::*t)(bool)) : of(c), then(t) {}
        void done(bool ok) override { of.done(*this, ok); }
        one_call& of;
        void (one_call::*then)(bool);
    };

    void* begin(step& s) {
        ++under_way_;
        return static_cast<inbox::operation*>(&s);
    }
    void done(const step& s, bool ok) {
        --under_way_;
        (this->*s.then)(ok);
        if (under_way_ > 0) return;
        --of_.alive_;
        delete this;
    }

    void on_started(bool ok) {
        if (!ok) return finish();
        stream_->Read(&incoming_, begin(read_));
        if (forgotten_) return;
        running_ = true;
        write_next(); // what was sent before
        of_.listener_.call_opened(number_);
    }
    void on_read(bool ok) {
        if (!ok) return finish(); // all that the server sent is read
        const received_bytes response(incoming_);
        incoming_.Clear();
        stream_->Read(&incoming_, begin(read_));
        if (!forgotten_) of_.listener_.call_responded(number_, response);
    }
    void on_written(bool ok) {
        writing_ = false;
        outgoing_.Clear();
        if (!ok) running_ = false; // why it is over comes with the status
        write_next();
    }
    void on_finished(bool) {
        if (forgotten_) return;
        of_.open_.erase(number_);
        of_.listener_.call_ended(number_, status_of(status_, context_));
    }

    void write_next() {
        if (!running_ || writing_) return;
        if (!unsent_.empty()) {
            // gRPC takes the string over instead of copying it.
            auto* const message = new std::string(std::move(unsent_.front()));
            unsent_.pop_front();
            const grpc::Slice slice(
                message->data(), message->size(), [](void* m) { delete static_cast<std::string*>(m); }, message);
            outgoing_ = grpc::ByteBuffer(&slice, 1);
            writing_ = true;
            stream_->Write(outgoing_, begin(written_));
        } else if (closing_) {
            running_ = false; // for what is to be sent
            writing_ = true;
            stream_->WritesDone(begin(written_));
        }
    }
    void finish() {
        running_ = false;
        stream_->Finish(&status_, begin(finished_));
    }

    calls& of_;
    const std::uint64_t number_;
    grpc::ClientContext context_;
    std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
    grpc::Status status_;
    grpc::ByteBuffer incoming_, outgoing_;
    std::deque<std::string> unsent_;
    step started_{*this, &one_call::on_started}, read_{*this, &one_call::on_read},
        written_{*this, &one_call::on_written}, finished_{*this, &one_call::on_finished};
    unsigned under_way_ = 0;
    bool running_ = false; // may write
    bool writing_ = false;
    bool closing_ = false;
    bool forgotten_ = false; // cancelled: the machine has no more to do with it
};

calls::~calls() {
    while (!open_.empty()) cancel(open_.begin()->first);
    while (alive_ > 0) inbox_.wait_until(std::nullopt);
}

void calls::open(std::uint64_t call, const std::string& method, const metadata& headers) {
    for (const auto& [name, value] : headers)
        if (!std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; })
            || value.starts_with(' ') || value.ends_with(' '))
            throw failure(exit_code::failed, "The header \"" + name + "\" of a call to " + method
                                                 + " would have characters that no header may carry.");
    auto* const opened = open_[call] = new one_call(*this, call);
    opened->start(method, headers);
}

void calls::perform(call::action& action) {
    if (auto* const message = std::get_if<call::send_request>(&action))
        send(message->call, std::move(message->bytes));
    else if (const auto* const last = std::get_if<call::half_close>(&action))
        half_close(last->call);
    else if (const auto* const over = std::get_if<call::cancel_call>(&action))
        cancel(over->call);
}

void calls::send(std::uint64_t call, std::string message) {
    if (const auto at = open_.find(call); at != open_.end()) at->second->send(std::move(message));
}

void calls::half_close(std::uint64_t call) {
    if (const auto at = open_.find(call); at != open_.end()) at->second->half_close();
}

void calls::cancel(std::uint64_t call) {
    const auto at = open_.find(call);
    if (at == open_.end()) return;
    at->second->cancel();
    open_.erase(at);
}

} // namespace sfcdc::runner
