// How the process is asked to end, and the promise that it then ends in time whatever blocks: a peer, a pipe that nobody reads, a
// disk that does not answer, standard error itself.
#pragma once

#include <chrono>

namespace sfcdc::runner {

// From the request to the end of the process, whatever happens: a second less than what service managers give.
inline constexpr std::chrono::seconds longest_end{29};
// The same where nothing is held that could still become durable.
inline constexpr std::chrono::seconds shortest_end{3};
// From the request on, what was received may become durable for so long; the rest of `longest_end` is for closing.
inline constexpr std::chrono::seconds drain_time{25};

// One in a process. SIGTERM, SIGINT and SIGHUP ask it to end; the second of them ends it at once with 143. A timer of the kernel
// ends it with the exit code when the time is over: it needs no thread, no memory and no lock. Stored positions are true at any
// moment, so that an end in the middle loses nothing.
class termination {
  public:
    // Installs the handlers. A write into a closed pipe, or past a limit of the size of files, is an error of that write from now on.
    termination();

    // Waits so long, or until the process is asked to end. True when it was asked, by a signal or by end().
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
