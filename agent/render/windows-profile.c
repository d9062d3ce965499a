/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "windows.h"

#include <gio/gio.h>
#include <string.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define SERVICES   "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\"
#define POWER      "HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Control\\Power"

/* Updates, protection, the network, sound, games and our own channels. A * ends a prefix. */
static const char *const never_services[] = { "wuauserv", "UsoSvc", "WaaSMedicSvc", "BITS", "DoSvc",
	"TrustedInstaller", "WinDefend", "WdNisSvc", "WdNisDrv", "WdFilter", "WdBoot", "Sense",
	"SecurityHealthService", "wscsvc", "RpcSs", "RpcEptMapper", "DcomLaunch", "EventLog",
	"Dhcp", "Dnscache", "BFE", "mpssvc", "CryptSvc", "UCPD", "AppXSvc", "ClipSVC",
	"GamingServices*", "Xbl*", "viosock*", "vioserial", "vioser", "QEMU-GA", "Audiosrv",
	"AudioEndpointBuilder", NULL };

/* What other apps need or come from, and the way back: the Store, winget, sign-in of games, WebView2. */
static const char *const never_apps[] = { "Microsoft.WindowsStore*", "Microsoft.StorePurchaseApp",
	"Microsoft.DesktopAppInstaller", "Microsoft.WindowsTerminal*", "Microsoft.GetHelp",
	"Microsoft.MicrosoftEdge*", "Microsoft.Edge*", "Microsoft.Win32WebViewHost",
	"Microsoft.Xbox.TCUI", "Microsoft.XboxIdentityProvider",
	"Microsoft.XboxSpeechToTextOverlay", "Microsoft.GamingServices*", "Microsoft.SecHealthUI",
	"Microsoft.VCLibs*", "Microsoft.NET.*", "Microsoft.UI.Xaml*",
	"Microsoft.WindowsAppRuntime*", "Microsoft.Windows.ShellExperienceHost",
	"Microsoft.Windows.StartMenuExperienceHost", NULL };

static void entry_free(void *data)
{
	struct windows_entry *entry = data;

	g_free(entry->target);
	g_free(entry->key);
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

static bool is_never(const char *const *never, const char *name)
{
	for (; *never; never++) {
		gsize n = strcspn(*never, "*");

		if (g_ascii_strncasecmp(*never, name, (*never)[n] ? n : n + 1) == 0)
			return true;
	}
	return false;
}

/* Takes what new points to. */
static void add(GPtrArray *entries, const struct windows_entry *new)
{
	struct windows_entry *entry = g_memdup2(new, sizeof(*new));
	g_autofree char *what = g_strdup_printf("%s\\%s\\%s", new->user ? "HKCU" : "",
		new->key ?: "appx", new->name ?: new->target);
	g_autofree char *lower = g_ascii_strdown(what, -1);
	g_autofree char *sum = g_compute_checksum_for_string(G_CHECKSUM_SHA256, lower, -1);

	g_strlcpy(entry->id, sum, sizeof(entry->id));
	for (unsigned i = 0; i < entries->len; i++) {
		struct windows_entry *other = entries->pdata[i];

		if (!strcmp(other->id, entry->id)) {
			entry_free(other);
			entries->pdata[i] = entry;
			return;
		}
	}
	g_ptr_array_add(entries, entry);
}

/* --- kinds --- */

struct group {
	GKeyFile *file;
	const char *origin, *name; /* for messages; the name is the whole one */
	char *reason;
	bool high_risk, guard_vbs;
};

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

/* Blanks, too. */
static bool good_value_name(const char *name)
{
	return *name && strspn(name, NAME_CHARS " ") == strlen(name);
}

static bool read_value(GPtrArray *entries, const struct group *group, const char *key, bool user,
	const char *name, const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);
	bool absent = !strcmp(text, "absent"), unnamed = !strcmp(name, "@");

	if ((!unnamed && !good_value_name(name)) ||
		(!absent && (!parts[0] || !parts[1] || !good_data(parts[0], parts[1]))))
		return false;
	add(entries, &(struct windows_entry){ .kind = WINDOWS_REGISTRY,
			     .key = g_strdup(key),
			     .name = g_strdup(unnamed ? "" : name),
			     .type = g_strdup(absent ? text : parts[0]),
			     .data = absent ? NULL : g_strdup(parts[1]),
			     .reason = g_strdup(group->reason),
			     .user = user,
			     .high_risk = group->high_risk,
			     .guard_vbs = group->guard_vbs });
	return true;
}

/* The key with the long name of its hive, or what is below a user's; NULL: none that may be set. */
static char *expand_key(const char *key, bool *user)
{
	static const char *const hives[][2] = { { "HKLM\\", "HKEY_LOCAL_MACHINE\\" },
		{ "HKCR\\", "HKEY_LOCAL_MACHINE\\SOFTWARE\\Classes\\" }, { "HKCU\\", "" } };

	if (g_str_has_suffix(key, "\\") || strstr(key, "\\\\") || !g_utf8_validate(key, -1, NULL))
		return NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(hives); i++)
		if (g_str_has_prefix(key, hives[i][0])) {
			*user = !*hives[i][1];
			return g_strconcat(hives[i][1], key + strlen(hives[i][0]), NULL);
		}
	return NULL;
}

/* Of any control set. */
static bool is_service_key(const char *key)
{
	g_autofree char *lower = g_ascii_strdown(key, -1);

	return g_str_has_prefix(lower, "hkey_local_machine\\system\\") &&
	       strstr(lower, "\\services");
}

static bool read_registry(
	GPtrArray *entries, const struct group *group, const char *short_key, GError **error)
{
	g_auto(GStrv) names = g_key_file_get_keys(group->file, group->name, NULL, NULL);
	bool user = false;
	g_autofree char *key = expand_key(short_key, &user);

	if (!key)
		return fail(error, group->origin, group->name,
			"a key begins with HKLM\\, HKCU\\ or HKCR\\");
	if (!user && is_service_key(key))
		return fail(
			error, group->origin, group->name, "services are set as [service:NAME]");
	for (char **name = names; *name; name++) {
		g_autofree char *text =
			g_key_file_get_string(group->file, group->name, *name, NULL);

		if (!strcmp(*name, "reason") || !strcmp(*name, "risk") || !strcmp(*name, "guard"))
			continue;
		if (!text || !read_value(entries, group, key, user, *name, text))
			return fail(error, group->origin, group->name,
				"a value is dword:N, sz:TEXT, binary:HEX or absent");
	}
	return true;
}

static bool read_service(
	GPtrArray *entries, const struct group *group, const char *name, GError **error)
{
	static const char *const starts[][2] = { { "disabled", "4" }, { "manual", "3" },
		{ "automatic", "2" } };
	g_autofree char *start = g_key_file_get_string(group->file, group->name, "start", NULL);

	if (!good_name(name))
		return fail(error, group->origin, group->name, "is no name of a service");
	if (is_never(never_services, name))
		return fail(error, group->origin, group->name,
			"a guest cannot do without this service");
	for (gsize i = 0; start && i < G_N_ELEMENTS(starts); i++)
		if (!strcmp(start, starts[i][0])) {
			add(entries, &(struct windows_entry){ .kind = WINDOWS_SERVICE,
					     .target = g_strdup(name),
					     .key = g_strconcat(SERVICES, name, NULL),
					     .name = g_strdup("Start"),
					     .type = g_strdup("dword"),
					     .data = g_strdup(starts[i][1]),
					     .reason = g_strdup(group->reason),
					     .high_risk = group->high_risk });
			return true;
		}
	return fail(error, group->origin, group->name, "start is disabled, manual or automatic");
}

static bool read_plan(GPtrArray *entries, const struct group *group, GError **error)
{
	g_autofree char *scheme = g_key_file_get_string(group->file, group->name, "scheme", NULL);
	g_autofree char *lower = scheme ? g_ascii_strdown(scheme, -1) : NULL;

	if (!lower || !g_uuid_string_is_valid(lower))
		return fail(error, group->origin, group->name, "scheme is the GUID of a plan");
	add(entries, &(struct windows_entry){ .kind = WINDOWS_PLAN,
			     .key = g_strdup(POWER "\\User\\PowerSchemes"),
			     .name = g_strdup("ActivePowerScheme"),
			     .type = g_strdup("sz"),
			     .data = g_steal_pointer(&lower),
			     .reason = g_strdup(group->reason),
			     .high_risk = group->high_risk });
	return true;
}

static bool read_power(
	GPtrArray *entries, const struct group *group, const char *name, GError **error)
{
	g_autofree char *enabled = g_key_file_get_string(group->file, group->name, "enabled", NULL);

	if (!strcmp(name, "plan"))
		return read_plan(entries, group, error);
	if (strcmp(name, "hibernation") != 0 || g_strcmp0(enabled, "no") != 0)
		return fail(error, group->origin, group->name,
			"is power:plan with scheme=, or power:hibernation with enabled=no");
	add(entries, &(struct windows_entry){ .kind = WINDOWS_HIBERNATION,
			     .key = g_strdup(POWER),
			     .name = g_strdup("HibernateEnabled"),
			     .type = g_strdup("dword"),
			     .data = g_strdup("0"),
			     .reason = g_strdup(group->reason),
			     .high_risk = group->high_risk });
	return true;
}

static bool read_appx(
	GPtrArray *entries, const struct group *group, const char *name, GError **error)
{
	g_autofree char *store = g_key_file_get_string(group->file, group->name, "store", NULL);

	if (!good_name(name) || (store && !good_name(store)))
		return fail(error, group->origin, group->name,
			"is no name of a package, or store= no id");
	if (is_never(never_apps, name))
		return fail(
			error, group->origin, group->name, "a guest cannot do without this app");
	add(entries, &(struct windows_entry){ .kind = WINDOWS_APPX,
			     .target = g_strdup(name),
			     .data = g_steal_pointer(&store),
			     .reason = g_strdup(group->reason),
			     .high_risk = group->high_risk });
	return true;
}

/* --- a file --- */

static bool read_group(
	GPtrArray *entries, GKeyFile *file, const char *origin, const char *name, GError **error)
{
	static const struct {
		const char *prefix;
		bool (*read)(GPtrArray *entries, const struct group *group, const char *target,
			GError **error);
	} kinds[] = { { "registry:", read_registry }, { "service:", read_service },
		{ "power:", read_power }, { "appx:", read_appx } };
	g_autofree char *reason = g_key_file_get_string(file, name, "reason", NULL);
	g_autofree char *risk = g_key_file_get_string(file, name, "risk", NULL);
	g_autofree char *guard = g_key_file_get_string(file, name, "guard", NULL);
	struct group group = { file, origin, name, reason, !g_strcmp0(risk, "high"), guard };

	if (!strcmp(name, "main"))
		return true;
	if (risk && strcmp(risk, "safe") != 0 && strcmp(risk, "medium") != 0 && !group.high_risk)
		return fail(error, origin, name, "risk is safe, medium or high");
	if (guard && (strcmp(guard, "vbs") != 0 || !g_str_has_prefix(name, "registry:")))
		return fail(error, origin, name, "guard is vbs, and of the registry");
	if (reason && strpbrk(reason, "\r\n"))
		return fail(error, origin, name, "a reason is one line");
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++)
		if (g_str_has_prefix(name, kinds[i].prefix))
			return kinds[i].read(
				entries, &group, name + strlen(kinds[i].prefix), error);
	return fail(error, origin, name, "is no kind of setting");
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
