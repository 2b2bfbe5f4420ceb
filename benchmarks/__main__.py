"""`make bench`: every benchmark in turn, at the sizes of RESULTS.md."""

from benchmarks import build, compare, sealing

for benchmark in (sealing, build, compare):
    print(f"\n== {benchmark.__name__}", flush=True)
    benchmark.main()
