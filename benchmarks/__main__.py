"""`make bench`: every benchmark in turn, at the sizes of RESULTS.md."""

from benchmarks import build, compare, log, oblivious, oblivious_build, oprf, sealing, startup, tickets

for benchmark in (startup, sealing, tickets, oprf, log, build, compare, oblivious_build, oblivious):
    print(f"\n== {benchmark.__name__}", flush=True)
    benchmark.main()
