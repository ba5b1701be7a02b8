"""The short form of ./dev soak: one cycle of everything that goes wrong loses nothing, and leaves no descriptor and no thread behind. How
bench/soak.py judges is looked at with series that were made up.

usage: test_soak.py BUILD_FOLDER [unittest arguments]
"""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "bench"))
import soak  # noqa: E402  (found through the line above)

BUILD = None
SECONDS = 20  # of the load, as one cycle


def rests(**series):
    """As many rests as the longest series has; what is not given stays as it is."""
    count = max(len(values) for values in series.values())
    return [{term: series[term][i] if term in series else 20 for term in soak.TERMS} for i in range(count)]


class Judgement(unittest.TestCase):
    def wrong(self, **series):
        return soak.judge(rests(**series))[1]

    def test_what_goes_up_and_down_is_flat(self):
        self.assertEqual(self.wrong(descriptors=[50, 56, 55, 56, 55, 56, 56, 55, 56, 55, 55, 56, 56]), [])
        self.assertEqual(self.wrong(rss_mib=[30, 38, 41, 42, 42.5, 42, 43, 42.2, 43.1, 42.4, 43, 42.1, 43]), [], "a pool that is filled")

    def test_one_more_in_each_cycle_is_a_leak(self):
        for term in ("descriptors", "threads"):
            said = self.wrong(**{term: range(50, 63)})
            self.assertEqual(len(said), 2, said)
            self.assertRegex(said[0], f"^{term} are not flat: the trend is 9.0 ")
        self.assertTrue(self.wrong(rss_mib=range(50, 63)))

    def test_a_step_that_comes_late_is_a_leak(self):
        said = self.wrong(descriptors=[50] * 12 + [52])
        self.assertEqual(len(said), 1, said)
        self.assertIn("the growth is 2.0 where 1 are allowed", said[0])

    def test_a_few_cycles_are_compared_with_the_start(self):
        self.assertEqual(self.wrong(descriptors=[50, 51], rss_mib=[30, 60]), [])
        self.assertIn("the growth is 4.0", self.wrong(descriptors=[50, 54])[0])
        self.assertIn("the growth is 2.0", self.wrong(threads=[17, 19])[0])

    def test_the_account(self):
        expected = {("a", 0), ("a", 1), ("b", 0), ("c", 0)}
        self.assertEqual(soak.unaccounted(expected, expected, set()), (set(), set()))
        self.assertEqual(soak.unaccounted(expected, expected - {("a", 1), ("b", 0)}, {("a", 1), ("b", None)}), (set(), set()))
        self.assertEqual(soak.unaccounted(expected, expected - {("a", 0)}, {("a", 1)}), ({("a", 0)}, set()))
        self.assertEqual(soak.unaccounted(expected, expected | {("d", 0)}, set()), (set(), {("d", 0)}))


class OneCycle(unittest.TestCase):
    def test_nothing_is_lost_and_nothing_is_kept(self):
        made = soak.run(BUILD, SECONDS)
        self.assertEqual(made["wrong"], [])
        # It has happened, so that there was something to lose.
        self.assertEqual(made["cycles"], 1)
        self.assertGreater(made["happened"]["tokens"]["salesforce"], 1)
        self.assertGreater(made["happened"]["streams_opened"], 30)
        self.assertGreater(made["happened"]["broken_requests"], 5)
        for name, of in made["account"].items():
            self.assertGreater(of["rows"], 10, name)
        raw, typed = made["account"]["raw"], made["account"]["typed"]
        self.assertGreater(raw["undecodable_events"], 50)
        self.assertGreater(raw["refused_rows"], 0)
        self.assertGreater(typed["refused_rows"], 0)


if __name__ == "__main__":
    BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
