# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# ./dev fuzz [TARGET] [SECONDS]

only='' seconds=30
for argument; do
	case $argument in
	*[!0-9]*) only=$argument ;;
	*) seconds=$argument ;;
	esac
done
need "the build" "${packages_build[@]}"
need "fuzzing" "${packages_fuzz[@]}"
CC=clang configure fuzz -Dfuzz=true -Dbuildtype=debugoptimized

targets=()
for corpus in tests/fuzz/corpus/*/; do
	targets+=("$(basename "$corpus")")
done
if [ -n "$only" ]; then
	[[ " ${targets[*]} " == *" $only "* ]] || die "no target '$only'; there are: ${targets[*]}"
	targets=("$only")
fi
compile "${targets[@]/#/fuzz-}"

export ASAN_OPTIONS=detect_leaks=1:fast_unwind_on_malloc=0 UBSAN_OPTIONS=print_stacktrace=1
export LSAN_OPTIONS=suppressions=$here/dev.d/lsan.supp:print_suppressions=0
failed=()
for target in "${targets[@]}"; do
	# What it learns stays in the build folder; the corpus of the repository is only read.
	learned=$build/corpus-$target found=$build/found-$target
	mkdir -p "$learned" "$found"
	say "fuzzing $target for $seconds s"
	"$build/tests/fuzz/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=512 -print_final_stats=1 \
		-artifact_prefix="$found/" "$learned" "tests/fuzz/corpus/$target" </dev/null >"$build/fuzz-$target.log" 2>&1 || {
		failed+=("$target")
		grep -vE '^#[0-9]+\s+(NEW|REDUCE|pulse|RELOAD)' "$build/fuzz-$target.log" | tail -n 40
		continue
	}
	grep -E 'stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)|DONE' "$build/fuzz-$target.log"
done
[ ${#failed[@]} -eq 0 ] || die "a finding in: ${failed[*]}. The input is in ${build#"$here/"}/found-*; run the target on it again"
