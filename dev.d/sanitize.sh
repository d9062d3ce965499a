# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# The suites under a sanitizer.

# sanitized_tests FOLDER SANITIZERS RUNTIME [MESON-TEST-ARGUMENT...]
sanitized_tests() {
	local folder=$1 sanitizers=$2 runtime=$3
	shift 3
	counted=
	trap '[ -n "$counted" ] || echo "0 passed, 1 failed"' EXIT
	need "the build" "${packages_build[@]}"
	need "the tests" "${packages_run[@]}" "${packages_test[@]}"
	configure "$folder" -Db_sanitize="$sanitizers" -Db_lundef=false -Dbuildtype=debugoptimized
	compile
	# The registry scanner and gst-launch are not instrumented: the first must not load the plugin in a process of its
	# own, the second gets the runtime preloaded by the tests that start it (they look at SANITIZER_RUNTIME).
	export GST_REGISTRY_FORK=no SANITIZER_RUNTIME
	SANITIZER_RUNTIME=$(gcc -print-file-name="$runtime")
	# The slow unwinder sees through libraries without frame pointers; suppressions need to.
	export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:fast_unwind_on_malloc=0
	export LSAN_OPTIONS=suppressions=$here/dev.d/lsan.supp:print_suppressions=0
	export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
	export TSAN_OPTIONS=ignore_noninstrumented_modules=1:halt_on_error=0:second_deadlock_stack=1:history_size=4
	counted=yes
	run_tests --no-suite lint --timeout-multiplier 4 "$@"
}
