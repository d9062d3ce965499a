/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "facts.h"

#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#define JOURNAL_DIR   "/log/journal"
#define JOURNAL_FILE  "system.journal"
#define KLOG_READ_ALL 3 /* SYSLOG_ACTION_READ_ALL, syslog(2) */
#define KLOG_SIZE     (256 * 1024)

char *facts_cmdline_value(const char *cmdline, const char *name)
{
	g_auto(GStrv) words = g_strsplit_set(cmdline, " \t\n", -1);
	size_t length = strlen(name);
	const char *value = NULL;

	for (char **word = words; *word; word++) {
		if (strncmp(*word, name, length) != 0)
			continue;
		if ((*word)[length] == '=')
			value = *word + length + 1;
		else if (!(*word)[length])
			value = "";
	}
	return g_strdup(value);
}

char *facts_chosen_word(const char *text)
{
	const char *open = strpbrk(text, "[("), *close;

	if (!open)
		return NULL;
	close = strpbrk(open, "])");
	return close ? g_strndup(open + 1, (size_t)(close - open - 1)) : NULL;
}

bool facts_number(const char *text, const char *name, int64_t *ret)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *rest;
		char *end;
		gint64 value;

		line += *line == '\n';
		if (strncmp(line, name, length) != 0)
			continue;
		rest = line + length;
		rest += *rest == ':';
		if (*rest != ' ' && *rest != '\t')
			continue;
		value = g_ascii_strtoll(rest, &end, 10);
		if (end == rest)
			return false;
		*ret = value;
		return true;
	}
	return false;
}

bool facts_cpus_online(const struct env *env, struct env_cpus *ret, GError **error)
{
	g_autofree char *text = NULL;

	if (!env_read_line(env, "/sys/devices/system/cpu/online", &text, error))
		return false;
	if (env_cpus_parse(text, ret))
		return true;
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "no set of CPUs: %.40s", text);
	return false;
}

void facts_cpus_isolated(const struct env *env, struct env_cpus *ret)
{
	g_autofree char *text = NULL;

	*ret = (struct env_cpus){ 0 };
	if (env_read_line(env, "/sys/devices/system/cpu/isolated", &text, NULL))
		env_cpus_parse(text, ret);
}

struct env_cpus facts_cpus_and(const struct env_cpus *a, const struct env_cpus *b)
{
	struct env_cpus cpus;

	for (unsigned i = 0; i < G_N_ELEMENTS(cpus.bits); i++)
		cpus.bits[i] = a->bits[i] & b->bits[i];
	return cpus;
}

struct env_cpus facts_cpus_without(const struct env_cpus *a, const struct env_cpus *b)
{
	struct env_cpus cpus;

	for (unsigned i = 0; i < G_N_ELEMENTS(cpus.bits); i++)
		cpus.bits[i] = a->bits[i] & ~b->bits[i];
	return cpus;
}

static bool journal_in(const struct env *env, const char *folder)
{
	g_auto(GStrv) machines = env_list(env, folder);

	for (char **machine = machines; *machine; machine++) {
		g_autofree char *path =
			g_strdup_printf("%s%s/%s/" JOURNAL_FILE, env->root, folder, *machine);

		if (access(path, R_OK) == 0)
			return true;
	}
	return false;
}

/* journalctl itself is content with the journals that it may read, also with none. */
bool facts_journal_readable(const struct env *env)
{
	return journal_in(env, "/run" JOURNAL_DIR) || journal_in(env, "/var" JOURNAL_DIR);
}

const char *facts_journal_why_not(const struct env *env)
{
	/* Who may read anything can still not read what is not there. */
	return geteuid() == 0 || (!env_exists(env, "/run" JOURNAL_DIR) &&
					 !env_exists(env, "/var" JOURNAL_DIR))
		       ? "there is no journal on this machine"
		       : "this user may not read the journal (group systemd-journal)";
}

static char *journal_of_kernel(const struct env *env)
{
	static const char grep[] = "--grep=" FACTS_LOG_THROTTLED "|" FACTS_LOG_IO_ERROR;
	const char *const argv[] = { "journalctl", "--quiet", "--no-pager", "--dmesg",
		"--since=-1h", "--output=short-monotonic", grep, NULL };
	g_autoptr(GError) error = NULL;
	char *text = NULL;

	if (!facts_journal_readable(env))
		return NULL;
	if (env->run(env, argv, FACTS_LOG_MS, &text, &error))
		return text;
	/* Nothing was found. */
	return error->domain == G_SPAWN_EXIT_ERROR && error->code == 1 ? g_strdup("") : NULL;
}

char *facts_log_read(const struct env *env)
{
	char *log;
	int n;

	if (*env->root)
		return journal_of_kernel(env);
	log = g_malloc(KLOG_SIZE + 1);
	n = klogctl(KLOG_READ_ALL, log, KLOG_SIZE);
	if (n < 0) {
		g_free(log);
		return journal_of_kernel(env);
	}
	log[n] = '\0';
	return log;
}

double facts_log_last(const char *log, const char *needle)
{
	double last = -1;

	for (const char *hit = strstr(log, needle); hit; hit = strstr(hit + 1, needle)) {
		const char *line = hit;

		while (line > log && line[-1] != '\n')
			line--;
		if ((line = strchr(line, '[')) && line < hit)
			last = g_ascii_strtod(line + 1, NULL);
	}
	return last;
}
