/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Part of sanitizer builds only: what is not ours to mend. The functions are called by the runtimes
 * of the sanitizers, which also declare them.
 */

const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);
const char *__tsan_default_suppressions(void);

/* GLib has no frame pointers: without this every one of its leaks looks alike. */
const char *__asan_default_options(void)
{
	return "fast_unwind_on_malloc=0";
}

/* GLib's table of quarks, made by its constructor, is left to itself when it grows
 * (g_quark_new). */
const char *__lsan_default_suppressions(void)
{
	return "leak:ld-linux\n";
}

/* Decoders of FFmpeg, which tests look at pictures with. */
const char *__tsan_default_suppressions(void)
{
	return "deadlock:libavcodec.so\nrace:libavcodec.so\nrace:libavutil.so\n";
}
