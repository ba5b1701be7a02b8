"""The Node snippet of docs/emulator.md, where ./dev test has no Node to run it."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))


def test_the_node_snippet_passes_as_it_stands():
    arguments, sys.argv = sys.argv, sys.argv[:1]  # test_pages.py would take the build folder from them
    try:
        import test_pages
    finally:
        sys.argv = arguments
    code, said = test_pages.run_snippet(os.environ["SFCDC_BUILD"], "node", "js", "pipeline.test.js", "node", "--test")
    assert code == 0, said
