"""What a service manager hears of the daemon: systemd's protocol of sd_notify(3), on a socket of the test's own.

usage: test_service.py BUILD_FOLDER [unittest arguments]
"""
import contextlib
import ctypes
import os
import pathlib
import re
import signal
import socket
import sys
import time
import unittest

from harness import CDC_TABLE, ORDER_TABLE, Scene, wait_until, zerobus_stream

BUILD = None


class Manager:
    """The socket of NOTIFY_SOCKET, and all messages so far with the time of each."""

    def __init__(self, folder, watchdog):
        self.path = pathlib.Path(folder) / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.environment = {**os.environ, "NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(int(watchdog * 1e6))}
        self.messages = []

    def heard(self):
        with contextlib.suppress(BlockingIOError):
            while True:
                self.messages.append((time.monotonic(), self.socket.recv(4096).decode()))
        return [text for _, text in self.messages]

    def times(self, message):
        self.heard()
        return [when for when, text in self.messages if text == message]

    def status(self):
        """The last one."""
        return next((text[7:] for text in reversed(self.heard()) if text.startswith("STATUS=")), "")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


@contextlib.contextmanager
def halted(thread):
    """The thread does not get any further meanwhile: a debugger's hold on it, which takes root."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
    if libc.ptrace(PTRACE_SEIZE, thread, None, None) != 0:
        raise unittest.SkipTest("no thread of another process can be halted: " + os.strerror(ctypes.get_errno()))
    assert libc.ptrace(PTRACE_INTERRUPT, thread, None, None) == 0
    os.waitpid(thread, 0x40000000)  # __WALL
    try:
        yield
    finally:
        libc.ptrace(PTRACE_DETACH, thread, None, None)


class Notifications(unittest.TestCase):
    def test_ready_watchdog_status_and_stopping(self):
        with Scene(BUILD, "--seed", 71) as scene, Manager(scene.folder, watchdog=2) as manager:
            scene.configure(zerobus_stream(scene.folder) + zerobus_stream(scene.folder, "/data/NoSuchChangeEvent", ORDER_TABLE))
            runner = scene.run(env=manager.environment)
            wait_until(lambda: manager.times("READY=1"), 60, "READY=1")
            wait_until(lambda: manager.status().startswith("1 of 2 pipelines is running; /data/NoSuchChangeEvent is waiting to be started again: "), 20,
                       "the verdict")
            self.assertIn("Salesforce does not give the topic /data/NoSuchChangeEvent", manager.status())
            scene.emulator.publish(50)
            wait_until(lambda: scene.emulator.rows(CDC_TABLE) > 0, 60, "rows")
            wait_until(lambda: len(manager.times("WATCHDOG=1")) >= 4, 60, "the watchdog's messages")
            runner.process.send_signal(signal.SIGTERM)
            self.assertEqual(runner.wait(32), 3, scene.log.read_text())  # on account of the second pipeline
            heard = manager.heard()
            self.assertEqual(len(manager.times("READY=1")), 1)
            stopping = [text for text in heard if text.startswith("STOPPING=1")]
            self.assertEqual(stopping, ["STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000"])
            self.assertLess(heard.index("READY=1"), heard.index(stopping[0]))
            self.assertIn("/data/NoSuchChangeEvent", manager.status())  # why it has ended with 3
            self.assertNotIn("secret", "\n".join(heard))

    def test_a_start_that_fails_is_never_ready(self):
        with Scene(BUILD, "--seed", 72) as scene, Manager(scene.folder, watchdog=2) as manager:
            scene.configure(sf_client_secret="wrong-secret-of-this-test")
            self.assertEqual(scene.run(env=manager.environment).wait(60), 3)
            self.assertEqual(manager.times("READY=1"), [])
            self.assertIn("salesforce", manager.status().lower())
            self.assertNotIn("wrong-secret-of-this-test", "\n".join(manager.heard()))
            scene.config.write_text("nonsense = 1\n", encoding="utf-8")
            self.assertEqual(scene.run(env=manager.environment).wait(60), 2)
            self.assertIn("nonsense", manager.status())

    def test_a_thread_that_hangs_silences_the_watchdog_and_an_outage_does_not(self):
        watchdog = 4
        with Scene(BUILD, "--seed", 73) as scene, Manager(scene.folder, watchdog) as manager:
            scene.configure()
            runner = scene.run(env=manager.environment)
            wait_until(lambda: manager.status() == "1 pipeline is running", 60, "a pipeline")
            # An outage of Salesforce for longer than the watchdog waits. The emulator halts as a whole.
            before = len(manager.times("WATCHDOG=1"))
            scene.emulator.process.send_signal(signal.SIGSTOP)
            time.sleep(watchdog + 3)
            scene.emulator.process.send_signal(signal.SIGCONT)
            self.assertGreaterEqual(len(manager.times("WATCHDOG=1")) - before, 2)
            self.assertNotIn("has not turned", runner.said())
            # gRPC names its threads; the others are the pipeline's, and those of its errands.
            ours = [int(t.name) for t in pathlib.Path(f"/proc/{runner.process.pid}/task").iterdir()
                    if int(t.name) != runner.process.pid and (t / "comm").read_text().strip() == "sfcdc"]
            with contextlib.ExitStack() as all_of_them:
                for thread in ours:
                    all_of_them.enter_context(halted(thread))
                wait_until(lambda: "its thread has not turned for 4 s" in runner.said(), 60, "the hang to be seen")
                self.assertEqual(manager.status(), "no pipeline is running; /data/ChangeEvents hangs: its thread does not turn")
                before = len(manager.times("WATCHDOG=1"))
                time.sleep(watchdog)
                self.assertEqual(len(manager.times("WATCHDOG=1")), before, "a hang is kept from the service manager")
            wait_until(lambda: len(manager.times("WATCHDOG=1")) > before, 30, "the watchdog's messages")
            wait_until(lambda: re.search("its thread turns again", runner.said()), 30, "the line")
            self.assertEqual(runner.stop(), 0, runner.said())


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main(verbosity=1)
