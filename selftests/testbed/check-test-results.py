#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of results.py: what it makes of good, bad and damaged KTAP.

Each case runs the program as check.sh does, on files made here, and compares
the whole output and the exit status.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))

GOOD = """KTAP version 1
1..2
    KTAP version 1
    # Subtest: ring/rw
    1..2
    # a diagnostic
    ok 1 pipe.read
    ok 2 pipe.write
ok 1 ring/rw
    KTAP version 1
    # Subtest: kunit/kunit
    1..2
    ok 1 ring_kunit
        KTAP version 1
        # Subtest: words
        1..1
        ok 1 wrap
    ok 2 words
ok 2 kunit/kunit
"""
MANIFEST = """# a comment
ring/rw/pipe.read | ground.3 | test,stock  # another
ring/rw/pipe.write | ground.3 | test,stock
kunit/ring_kunit | ground.1 | test
kunit/words/wrap | ground.1 | test
guest/verdict | ground.1 | test,stock
"""
GOOD_END = "test:  5 passed, 0 failed, 0 skipped\n5 passed, 0 failed, 0 skipped\n"


def run(text, verdict="pass", manifest=MANIFEST, place="test", prefix="!", more=()):
    with tempfile.TemporaryDirectory() as tmp:
        with open(f"{tmp}/manifest", "w", encoding="utf-8") as file:
            file.write(manifest)
        with open(f"{tmp}/ktap", "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run(
            [sys.executable, "-B", f"{HERE}/results.py", "--manifest",
             f"{tmp}/manifest", "--places", place, *more,
             f"{place}:{prefix}:{verdict}:{tmp}/ktap"],
            capture_output=True, text=True, check=False)
        return done.returncode, (done.stdout + done.stderr).replace(tmp, "TMP")


CASES = []


def case(function):
    CASES.append(function)
    return function


def expect(got, want):
    if got != want:
        raise AssertionError(f"expected {want!r}, got {got!r}")


def expect_failures(got, failures, end):
    """Status 1, exactly these FAILED lines, and the counts at the end."""
    status, output = got
    lines = output.splitlines()
    expect([line for line in lines if line.startswith("FAILED")], failures)
    expect((status, lines[-1]), (1, end))


@case
def all_pass():
    expect(run(GOOD), (0, GOOD_END))


@case
def a_test_may_have_any_name():
    text = "TAP version 13\n1..3\nok 1 first\nok 2 missing\nok 3 third\n"
    manifest = "".join(f"{name} | ground.1 | host\n" for name in ("first", "missing", "third"))
    expect(run(text, manifest=manifest, place="host", prefix=""),
           (0, "host:  3 passed, 0 failed, 0 skipped\n3 passed, 0 failed, 0 skipped\n"))


@case
def carriage_returns_are_ignored():
    expect(run(GOOD.replace("\n", "\r\n")), (0, GOOD_END))


@case
def failed_test():
    text = GOOD.replace("ok 2 pipe.write", "not ok 2 pipe.write").replace(
        "ok 1 ring/rw", "not ok 1 ring/rw # status 1")
    expect_failures(run(text, "fail"), ["FAILED test: ring/rw/pipe.write: failed"],
                    "4 passed, 1 failed, 0 skipped")


@case
def failed_test_but_guest_says_success():
    text = GOOD.replace("ok 2 pipe.write", "not ok 2 pipe.write")
    expect_failures(
        run(text, "pass"),
        ["FAILED test: ring/rw/pipe.write: failed",
         "FAILED test: guest/verdict: ended with success, but a result failed"],
        "3 passed, 2 failed, 0 skipped")


@case
def guest_says_failure_but_no_test_failed():
    expect_failures(
        run(GOOD, "fail"),
        ["FAILED test: guest/verdict: ended with failure, but no result says why"],
        "4 passed, 1 failed, 0 skipped")


@case
def program_fails_after_its_last_test():
    text = GOOD.replace("\nok 1 ring/rw", "\nnot ok 1 ring/rw # status 1")
    expect_failures(run(text, "fail"),
                    ["FAILED test: ring/rw: failed"], "5 passed, 1 failed, 0 skipped")


@case
def missing_test():
    text = GOOD.replace("    ok 2 pipe.write\n", "").replace("1..2\n    # a", "1..1\n    # a")
    expect_failures(run(text), ["FAILED test: ring/rw/pipe.write: did not run"],
                    "4 passed, 1 failed, 0 skipped")


@case
def unlisted_test():
    manifest = MANIFEST.replace("kunit/words/wrap | ground.1 | test\n", "")
    expect_failures(run(GOOD, manifest=manifest),
                    ["FAILED test: kunit/words/wrap: ran, but is not in the manifest"],
                    "4 passed, 1 failed, 0 skipped")


@case
def test_of_another_place():
    manifest = MANIFEST.replace("wrap | ground.1 | test", "wrap | ground.1 | stock")
    expect_failures(run(GOOD, manifest=manifest),
                    ["FAILED test: kunit/words/wrap: ran, but the manifest lists "
                     "it for stock only"], "4 passed, 1 failed, 0 skipped")


@case
def skipped_where_it_has_to_run():
    text = GOOD.replace("ok 1 pipe.read", "ok 1 pipe.read # SKIP no device")
    expect_failures(run(text),
                    ["FAILED test: ring/rw/pipe.read: skipped where it has to run: "
                     "no device"], "4 passed, 1 failed, 0 skipped")


@case
def skipped_by_design():
    text = GOOD.replace("ok 1 wrap", "ok 1 wrap # SKIP other kernel")
    manifest = MANIFEST.replace("wrap | ground.1 | test", "wrap | ground.1 | stock")
    expect(run(text, manifest=manifest),
           (0, GOOD_END.replace("5 passed, 0 failed, 0", "4 passed, 0 failed, 1")))


@case
def program_skips_as_a_whole():
    text = GOOD[:GOOD.index("    KTAP version 1\n    # Subtest: kunit")] + \
        "    # Subtest: kunit/kunit\n    1..0 # SKIP no KUnit\nok 2 kunit/kunit # SKIP\n"
    status, output = run(text, place="stock")
    expect((status, output.splitlines()[-1]), (0, "3 passed, 0 failed, 1 skipped"))
    # In a place where its tests are listed they are missing.
    status, output = run(text)
    expect((status, output.splitlines()[-1]), (1, "3 passed, 2 failed, 1 skipped"))


@case
def listed_for_no_place():
    text = "TAP version 13\n1..1\nok 1 a # SKIP by design\n"
    status, output = run(text, manifest="a | ground.1 | -\n", prefix="")
    # Nothing passed, so the run as a whole is no success.
    expect((status, output.splitlines()[-1]), (1, "0 passed, 0 failed, 1 skipped"))
    text = text.replace("1..1", "1..2") + "ok 2 b\n"
    manifest = "a | ground.1 | -\nb | ground.1 | test\n"
    status, output = run(text, manifest=manifest, prefix="")
    expect((status, output.splitlines()[-1]), (0, "1 passed, 0 failed, 1 skipped"))
    expect_failures(run(text.replace(" # SKIP by design", ""), manifest=manifest,
                        prefix=""),
                    ["FAILED test: a: ran, but the manifest lists it for no place only"],
                    "1 passed, 1 failed, 0 skipped")


@case
def skip_does_not_hide_an_unlisted_test():
    text = GOOD.replace("ok 1 wrap", "ok 1 stray # SKIP")
    expect_failures(run(text), ["FAILED test: kunit/words/stray: ran, but is not in "
                                "the manifest",
                                "FAILED test: kunit/words/wrap: did not run"],
                    "4 passed, 2 failed, 0 skipped")


@case
def crash_in_the_middle():
    text = GOOD[:GOOD.index("    ok 2 pipe.write")] + "[   9.1] BUG: splat\n"
    status, output = run(text, "none")
    lines = output.splitlines()
    expect(status, 1)
    if "FAILED test: guest/verdict: ended without verdict" not in lines:
        raise AssertionError(output)
    for id in ("ring/rw/pipe.write", "kunit/ring_kunit", "kunit/words/wrap"):
        if f"FAILED test: {id}: did not run" not in lines:
            raise AssertionError(f"{id} is not reported: {output}")


@case
def every_cut_is_a_failure():
    # However much of the end is lost, nothing short of the whole may pass.
    whole = GOOD.splitlines(keepends=True)
    for length in range(len(whole)):
        for verdict in ("pass", "none"):
            if run("".join(whole[:length]), verdict)[0] == 0:
                raise AssertionError(f"{length} of {len(whole)} lines pass as {verdict}")


@case
def no_output():
    status, output = run("", "none")
    expect((status, output.splitlines()[-1]), (1, "0 passed, 6 failed, 0 skipped"))


@case
def no_verdict_fails_even_if_all_passed():
    expect_failures(run(GOOD, "none"),
                    ["FAILED test: guest/verdict: ended without verdict"],
                    "4 passed, 1 failed, 0 skipped")


@case
def place_without_any_stream():
    status, output = run(GOOD, more=["--places", "test,stock"])
    expect((status, output.splitlines()[0]),
           (1, "FAILED stock: not one of its tests ran"))


INSTALL = "install/newcomer/fresh | install.4 | install\n"


@case
def place_install():
    expect(run("TAP version 13\n1..1\nok 1 fresh\n", manifest=INSTALL, place="install",
               prefix="install/newcomer"),
           (0, "install: 1 passed, 0 failed, 0 skipped\n1 passed, 0 failed, 0 skipped\n"))


@case
def install_is_not_missed_elsewhere():
    expect(run(GOOD, manifest=MANIFEST + INSTALL), (0, GOOD_END))


@case
def same_id_twice():
    text = GOOD.replace("ok 2 pipe.write", "ok 2 pipe.read")
    expect_failures(run(text), ["FAILED test: ring/rw/pipe.read: two tests have this id",
                                "FAILED test: ring/rw/pipe.write: did not run"],
                    "4 passed, 2 failed, 0 skipped")


@case
def expected_failure_is_no_pass():
    text = GOOD.replace("ok 1 pipe.read", "ok 1 pipe.read # XFAIL known")
    status, output = run(text)
    expect(status, 1)
    if "FAILED test: pipe.read: XFAIL is no result here" not in output:
        raise AssertionError(output)


@case
def bail_out():
    text = GOOD.replace("    ok 2 pipe.write\n", "    Bail out!  no memory\n    ok 2 pipe.write\n")
    expect_failures(run(text, "fail"), ["FAILED test: bailout: Bail out!  no memory"],
                    "5 passed, 1 failed, 0 skipped")


@case
def kselftest_runner_names():
    text = "TAP version 13\n1..1\n# selftests: ring: rw.sh\nok 1 selftests: ring: rw.sh\n"
    manifest = "tar/ring/rw | ground.1 | stock\n"
    expect(run(text, manifest=manifest, place="stock", prefix="tar"),
           (0, "stock: 1 passed, 0 failed, 0 skipped\n1 passed, 0 failed, 0 skipped\n"))


@case
def manifest_errors_are_named():
    status, output = run(GOOD, manifest="a | ground.1 | moon\na | ground.1\n"
                         "b | ground.1 | test\nb | ground.1 | test\nc | x | test\n")
    expect(status, 1)
    expect(output.splitlines(),
           ["TMP/manifest:1: not 'id | prefix.section | places'",
            "TMP/manifest:2: not 'id | prefix.section | places'",
            "TMP/manifest:4: b is listed twice",
            "TMP/manifest:5: not 'id | prefix.section | places'"])


def main():
    print("TAP version 13")
    print(f"1..{len(CASES)}")
    failed = False
    for number, function in enumerate(CASES, 1):
        try:
            function()
            print(f"ok {number} {function.__name__}")
        except AssertionError as err:
            failed = True
            for line in str(err).splitlines():
                print(f"# {line}")
            print(f"not ok {number} {function.__name__}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
