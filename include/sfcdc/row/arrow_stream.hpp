// A stream of Arrow batches, handed over through Arrow's C stream interface.
#pragma once

#include <cerrno>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include <sfcdc/row/arrow_abi.hpp>
#include <sfcdc/row/arrow_schema.hpp>
#include <sfcdc/row/layout.hpp>

namespace sfcdc::inline v0::row {

namespace detail {

// Owns itself until the consumer releases the stream. No exception leaves a callback, since its caller may be C.
template<class Next> struct exported_stream {
    row::layout layout;
    Next next;
    std::string error;

    static exported_stream& of(ArrowArrayStream* s) noexcept {
        return *static_cast<exported_stream*>(s->private_data);
    }
    template<class F> static int guarded(ArrowArrayStream* s, F&& f) noexcept {
#if defined(__cpp_exceptions)
        try {
            return f(of(s));
        } catch (const std::bad_alloc&) {
            of(s).error.clear(); // which needs no memory
            return ENOMEM;
        } catch (const std::exception& e) {
            of(s).error = e.what();
        } catch (...) {
            of(s).error = "an exception of an unknown type";
        }
        return EIO;
#else // a program without exceptions has none to catch
        return f(of(s));
#endif
    }
    static int get_schema(ArrowArrayStream* s, ArrowSchema* out) {
        return guarded(s, [&](exported_stream& self) { return export_schema(self.layout, out), 0; });
    }
    static int get_next(ArrowArrayStream* s, ArrowArray* out) {
        *out = {};
        return guarded(s, [&](exported_stream& self) {
            self.error.clear();
            if (self.next(out, self.error)) return 0;
            if (out->release != nullptr) out->release(out);
            *out = {};
            return self.error.empty() ? 0 : EIO;
        });
    }
    static const char* get_last_error(ArrowArrayStream* s) {
        return of(s).error.empty() ? nullptr : of(s).error.c_str();
    }
    static void release(ArrowArrayStream* s) {
        delete &of(s);
        s->release = nullptr;
    }
};

} // namespace detail

// Fills `out`, whose content before does not matter, with a stream of batches of this layout. `next(ArrowArray* batch,
// std::string& error)` fills a batch and returns true, or returns false: at the end, which it must repeat when it is asked
// again, or, with a text in `error`, after a failure. It is called by whoever reads the stream, in one thread at a time, and is
// deleted when that releases the stream; batches outlive the stream.
template<class Next> void export_stream(layout l, Next next, ArrowArrayStream* out) {
    using stream = detail::exported_stream<Next>;
    auto self = std::make_unique<stream>(stream{std::move(l), std::move(next), {}});
    *out = {.get_schema = stream::get_schema,
            .get_next = stream::get_next,
            .get_last_error = stream::get_last_error,
            .release = stream::release,
            .private_data = self.release()};
}

} // namespace sfcdc::inline v0::row
