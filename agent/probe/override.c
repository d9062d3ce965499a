/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "override.h"

#include "range.h"

#include <string.h>

#define SUFFIX ".conf"

struct overrides {
	GPtrArray *list; /* of struct override, in the order of their first word */
};

static void override_free(void *data)
{
	struct override *override = data;

	g_free(override->warn);
	g_free(override->fail);
	g_free(override->origin);
	g_free(override);
}

struct overrides *overrides_new(void)
{
	struct overrides *overrides = g_atomic_rc_box_new0(struct overrides);

	overrides->list = g_ptr_array_new_with_free_func(override_free);
	return overrides;
}

struct overrides *overrides_ref(struct overrides *overrides)
{
	return g_atomic_rc_box_acquire(overrides);
}

static void clear(void *data)
{
	struct overrides *overrides = data;

	g_ptr_array_unref(overrides->list);
}

void overrides_unref(struct overrides *overrides)
{
	if (overrides)
		g_atomic_rc_box_release_full(overrides, clear);
}

const struct override *overrides_find(const struct overrides *overrides, const struct probe *probe)
{
	for (unsigned i = 0; overrides && i < overrides->list->len; i++) {
		const struct override *override = overrides->list->pdata[i];

		if (override->probe == probe)
			return override;
	}
	return NULL;
}

/* --- the file --- */

struct parser {
	struct overrides *overrides;
	const char *name;
	unsigned line;
	struct override *section; /* NULL: none was begun, or one that was complained about */
	bool begun;
	overrides_complain_fn complain;
	void *user;
};

static void complain(struct parser *parser, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void complain(struct parser *parser, const char *format, ...)
{
	g_autofree char *what = NULL, *mistake = NULL;
	va_list arguments;

	va_start(arguments, format);
	what = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	mistake = g_strdup_printf("%s:%u: %s", parser->name, parser->line, what);
	parser->complain(parser->user, mistake);
}

static void begin_section(struct parser *parser, const char *id)
{
	const struct probe *probe = probe_find(id);

	parser->begun = true;
	parser->section = NULL;
	if (!probe) {
		complain(parser,
			"there is no probe '%s', its section is ignored; helix-agent health --all "
			"lists them",
			id);
		return;
	}
	/* Ours to change until it is loaded. */
	parser->section = (struct override *)overrides_find(parser->overrides, probe);
	if (!parser->section) {
		parser->section = g_new0(struct override, 1);
		parser->section->probe = probe;
		g_ptr_array_add(parser->overrides->list, parser->section);
	}
	g_free(parser->section->origin);
	parser->section->origin = g_strdup_printf("%s:%u", parser->name, parser->line);
}

static void set_range(struct parser *parser, const char *key, const char *value, char **ret)
{
	struct range range;

	if (*value && !range_parse(value, &range)) {
		complain(parser, "%s: '%s' is no range, ignored; like 10, 10:, ~:10, 5:10 or @5:10",
			key, value);
		return;
	}
	g_free(*ret);
	*ret = g_strdup(value);
}

static void set_period(struct parser *parser, const char *value)
{
	guint64 seconds;

	if (g_ascii_string_to_unsigned(value, 10, 1, OVERRIDE_PERIOD_MAX, &seconds, NULL))
		parser->section->period_s = (unsigned)seconds;
	else
		complain(parser, "period: '%s' is not 1 to %u seconds, ignored", value,
			OVERRIDE_PERIOD_MAX);
}

static void set_key(struct parser *parser, const char *key, const char *value)
{
	if (!parser->begun)
		complain(parser, "'%s' stands before the first [probe], ignored", key);
	else if (!parser->section)
		return;
	else if (!strcmp(key, "warn"))
		set_range(parser, key, value, &parser->section->warn);
	else if (!strcmp(key, "fail"))
		set_range(parser, key, value, &parser->section->fail);
	else if (!strcmp(key, "period"))
		set_period(parser, value);
	else
		complain(parser, "there is no key '%s', ignored; warn, fail and period are", key);
}

static void take_line(struct parser *parser, char *line)
{
	char *equals, *text = g_strstrip(line);
	size_t length = strlen(text);

	if (!length || *text == '#' || *text == ';')
		return;
	if (*text == '[' && text[length - 1] == ']') {
		text[length - 1] = '\0';
		begin_section(parser, text + 1);
		return;
	}
	equals = strchr(text, '=');
	if (!equals) {
		complain(parser, "'%s' is neither [probe] nor key=value, ignored", text);
		return;
	}
	*equals = '\0';
	set_key(parser, g_strchomp(text), g_strchug(equals + 1));
}

void overrides_parse(struct overrides *overrides, const char *name, const char *text,
	overrides_complain_fn complain_fn, void *user)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct parser parser = {
		.overrides = overrides, .name = name, .complain = complain_fn, .user = user
	};

	for (char **line = lines; *line; line++) {
		parser.line++;
		take_line(&parser, *line);
	}
}

void overrides_load(struct overrides *overrides, const struct env *env,
	overrides_complain_fn complain_fn, void *user)
{
	g_auto(GStrv) names = env_list(env, OVERRIDE_DIR);

	for (char **name = names; *name; name++) {
		g_autofree char *path = g_strconcat(OVERRIDE_DIR "/", *name, NULL), *text = NULL;
		g_autoptr(GError) error = NULL;

		if (!g_str_has_suffix(*name, SUFFIX) || **name == '.')
			continue;
		if (env_read(env, path, &text, &error)) {
			overrides_parse(overrides, path, text, complain_fn, user);
		} else {
			g_autofree char *mistake =
				g_strdup_printf("%s: %s, ignored", path, error->message);

			complain_fn(user, mistake);
		}
	}
}

/* --- in effect --- */

char *overrides_dump(const struct overrides *overrides)
{
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < overrides->list->len; i++) {
		const struct override *override = overrides->list->pdata[i];

		g_string_append_printf(text, "# %s\n[%s]\n", override->origin, override->probe->id);
		if (override->warn)
			g_string_append_printf(text, "warn=%s\n", override->warn);
		if (override->fail)
			g_string_append_printf(text, "fail=%s\n", override->fail);
		if (override->period_s)
			g_string_append_printf(text, "period=%u\n", override->period_s);
	}
	return g_string_free(text, FALSE);
}
