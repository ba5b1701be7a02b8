// How the process is asked to end, and the promise that it then ends in time whatever blocks: a peer, a pipe that nobody reads, a
// disk that does not answer, standard error itself.
#pragma once

#include <chrono>

namespace sfcdc::runner {

// From the request on, what was received may become durable for so long, unless the configuration says otherwise.
inline constexpr std::chrono::seconds usual_drain_time{25};
// So much longer the process may take in all, for closing. With the usual time it ends a second before service managers lose patience.
inline constexpr std::chrono::seconds closing_time{4};
// The same where nothing is held that could still become durable.
inline constexpr std::chrono::seconds shortest_end{3};

// One in a process. SIGTERM and SIGINT ask it to end, and so does SIGHUP unless a reload was asked for; the second of them ends it at once
// with 143. A timer of the kernel
// ends it with the exit code when the time is over: it needs no thread, no memory and no lock. Stored positions are true at any
// moment, so that an end in the middle loses nothing.
class termination {
  public:
    // Installs the handlers. A write into a closed pipe, or past a limit of the size of files, is an error of that write from now on.
    explicit termination(std::chrono::seconds drain_time = usual_drain_time);

    // From now on SIGHUP asks for a reload of the configuration, as service managers send it. Of a process with a terminal as its standard
    // input it says that the terminal is gone, and goes on asking it to end.
    void reload_on_hangup();
    // Whether a reload was asked for since the last call.
    bool take_reload();

    // Waits so long, or until the process is asked to end or to reload. True when it was asked to end, by a signal or by end().
    bool wait(std::chrono::milliseconds time) const;

    // What the process ends with when the time is over.
    void exit_with(int exit_code);
    // By the process itself: there is nothing left to do for it.
    void end(int exit_code);

    // Events were received: until then a signal ends the process after `shortest_end`. From any thread.
    static void events_received();
    // Nothing that was received is left: the end comes after `shortest_end` at most.
    void nothing_is_held();
};

} // namespace sfcdc::runner
