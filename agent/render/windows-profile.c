/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "windows.h"

#include <gio/gio.h>
#include <string.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

/* Updates, protection, the network, sound, games and our own channels. A * ends a prefix. */
static const char *const never[] = { "wuauserv", "UsoSvc", "WaaSMedicSvc", "BITS", "DoSvc",
	"TrustedInstaller", "WinDefend", "WdNisSvc", "WdNisDrv", "WdFilter", "WdBoot", "Sense",
	"SecurityHealthService", "wscsvc", "RpcSs", "RpcEptMapper", "DcomLaunch", "EventLog",
	"Dhcp", "Dnscache", "BFE", "mpssvc", "CryptSvc", "UCPD", "AppXSvc", "ClipSVC",
	"GamingServices*", "Xbl*", "viosock*", "vioserial", "vioser", "QEMU-GA", "Audiosrv",
	"AudioEndpointBuilder" };

static void entry_free(void *data)
{
	struct windows_entry *entry = data;

	g_free(entry->target);
	g_free(entry->name);
	g_free(entry->type);
	g_free(entry->data);
	g_free(entry->reason);
	g_free(entry);
}

static bool fail(GError **error, const char *origin, const char *group, const char *what)
{
	g_set_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE, "%s: [%s]: %s", origin,
		group, what);
	return false;
}

static bool good_name(const char *name)
{
	return *name && strspn(name, NAME_CHARS) == strlen(name);
}

static bool is_never(const char *service)
{
	for (gsize i = 0; i < G_N_ELEMENTS(never); i++) {
		gsize n = strcspn(never[i], "*");

		if (g_ascii_strncasecmp(never[i], service, never[i][n] ? n : n + 1) == 0)
			return true;
	}
	return false;
}

static void add(GPtrArray *entries, const struct windows_entry *new)
{
	struct windows_entry *entry = g_memdup2(new, sizeof(*new));

	for (unsigned i = 0; i < entries->len; i++) {
		struct windows_entry *other = entries->pdata[i];

		if (other->kind == entry->kind &&
			!g_ascii_strcasecmp(other->target, entry->target) &&
			!g_ascii_strcasecmp(other->name ?: "", entry->name ?: "")) {
			entry_free(other);
			entries->pdata[i] = entry;
			return;
		}
	}
	g_ptr_array_add(entries, entry);
}

/* --- kinds --- */

static bool good_data(const char *type, const char *data)
{
	gsize n = strlen(data);
	guint64 number;

	if (!strcmp(type, "dword"))
		return g_ascii_string_to_unsigned(data, 10, 0, G_MAXUINT32, &number, NULL);
	if (!strcmp(type, "binary"))
		return n > 0 && n % 2 == 0 && strspn(data, "0123456789abcdefABCDEF") == n;
	return !strcmp(type, "sz") && g_utf8_validate(data, -1, NULL) && !strpbrk(data, "\r\n");
}

static bool read_value(
	GPtrArray *entries, const char *key, const char *name, const char *text, const char *reason)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	bool absent = !strcmp(text, "absent");

	if (!good_name(name) ||
		(!absent && (!parts[0] || !parts[1] || !good_data(parts[0], parts[1]))))
		return false;
	add(entries, &(struct windows_entry){ WINDOWS_REGISTRY, g_strdup(key), g_strdup(name),
			     g_strdup(absent ? text : parts[0]), absent ? NULL : g_strdup(parts[1]),
			     g_strdup(reason) });
	return true;
}

/* Of any control set. */
static bool is_service_key(const char *key)
{
	g_autofree char *lower = g_ascii_strdown(key, -1);

	return g_str_has_prefix(lower, "hklm\\system\\") && strstr(lower, "\\services");
}

static bool read_registry(GPtrArray *entries, GKeyFile *file, const char *origin, const char *group,
	const char *key, const char *reason, GError **error)
{
	g_auto(GStrv) names = g_key_file_get_keys(file, group, NULL, NULL);

	if ((!g_str_has_prefix(key, "HKLM\\") && !g_str_has_prefix(key, "HKCU\\")) ||
		g_str_has_suffix(key, "\\") || !g_utf8_validate(key, -1, NULL))
		return fail(error, origin, group, "a key begins with HKLM\\ or HKCU\\");
	if (is_service_key(key))
		return fail(error, origin, group, "services are set as [service:NAME]");
	for (char **name = names; *name; name++) {
		g_autofree char *text = g_key_file_get_string(file, group, *name, NULL);

		if (!strcmp(*name, "reason") || !strcmp(*name, "risk"))
			continue;
		if (!text || !read_value(entries, key, *name, text, reason))
			return fail(error, origin, group,
				"a value is dword:N, sz:TEXT, binary:HEX or absent");
	}
	return true;
}

static bool read_service(GPtrArray *entries, GKeyFile *file, const char *origin, const char *group,
	const char *name, const char *reason, GError **error)
{
	static const char *const starts[][2] = { { "disabled", "disabled" }, { "manual", "demand" },
		{ "automatic", "auto" } };
	g_autofree char *start = g_key_file_get_string(file, group, "start", NULL);

	if (!good_name(name))
		return fail(error, origin, group, "is no name of a service");
	if (is_never(name))
		return fail(error, origin, group, "a guest cannot do without this service");
	for (gsize i = 0; start && i < G_N_ELEMENTS(starts); i++)
		if (!strcmp(start, starts[i][0])) {
			add(entries, &(struct windows_entry){ WINDOWS_SERVICE, g_strdup(name), NULL,
					     NULL, g_strdup(starts[i][1]), g_strdup(reason) });
			return true;
		}
	return fail(error, origin, group, "start is disabled, manual or automatic");
}

static bool read_appx(GPtrArray *entries, GKeyFile *file, const char *origin, const char *group,
	const char *name, const char *reason, GError **error)
{
	g_autofree char *store = g_key_file_get_string(file, group, "store", NULL);

	if (!good_name(name) || !store || !good_name(store))
		return fail(error, origin, group, "needs store=, from where it comes back");
	add(entries, &(struct windows_entry){ WINDOWS_APPX, g_strdup(name), NULL, NULL,
			     g_strdup(store), g_strdup(reason) });
	return true;
}

/* --- a file --- */

static bool read_group(
	GPtrArray *entries, GKeyFile *file, const char *origin, const char *group, GError **error)
{
	static const struct {
		const char *prefix;
		bool (*read)(GPtrArray *entries, GKeyFile *file, const char *origin,
			const char *group, const char *target, const char *reason, GError **error);
	} kinds[] = { { "registry:", read_registry }, { "service:", read_service },
		{ "appx:", read_appx } };
	g_autofree char *reason = g_key_file_get_string(file, group, "reason", NULL);
	g_autofree char *risk = g_key_file_get_string(file, group, "risk", NULL);

	if (!strcmp(group, "main"))
		return true;
	if (risk && strcmp(risk, "safe") != 0 && strcmp(risk, "medium") != 0 &&
		strcmp(risk, "high") != 0)
		return fail(error, origin, group, "risk is safe, medium or high");
	if (reason && strpbrk(reason, "\r\n"))
		return fail(error, origin, group, "a reason is one line");
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_str_has_prefix(group, kinds[i].prefix))
			return kinds[i].read(entries, file, origin, group,
				group + strlen(kinds[i].prefix), reason, error);
	return fail(error, origin, group, "is no kind of setting");
}

static bool load_into(
	GPtrArray *entries, const char *dir, const char *name, unsigned depth, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *base = g_strconcat(name, ".conf", NULL);
	g_autofree char *path = g_build_filename(dir, base, NULL);
	g_auto(GStrv) include = NULL, groups = NULL;

	if (!good_name(name) || depth > WINDOWS_INCLUDE_MAX) {
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
			"profile %.64s is no name, or includes itself", name);
		return false;
	}
	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, error)) {
		g_prefix_error(error, "%s: ", path);
		return false;
	}
	include = g_key_file_get_string_list(file, "main", "include", NULL, NULL);
	for (char **one = include; one && *one; one++)
		if (!load_into(entries, dir, *one, depth + 1, error))
			return false;
	groups = g_key_file_get_groups(file, NULL);
	for (char **group = groups; *group; group++)
		if (!read_group(entries, file, path, *group, error))
			return false;
	return true;
}

bool windows_load(const char *dir, const char *name, GPtrArray **ret, GError **error)
{
	g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);

	if (!load_into(entries, dir, name, 0, error))
		return false;
	*ret = g_steal_pointer(&entries);
	return true;
}
