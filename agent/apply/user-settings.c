/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * helix-agent-gsettings: reads and changes one key of GSettings of one user, as that user. Started
 * as root it becomes the user first, with nothing of the environment it came with.
 *
 * It prints one line and ends with 0: "unset", "value GVARIANT", "unsupported REASON" (there is
 * nothing to be changed here) or "failed REASON".
 */

#define G_SETTINGS_ENABLE_BACKEND /* its header says so: the API may change */
#include <gio/gio.h>
#include <gio/gsettingsbackend.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USAGE                                                                                      \
	"Usage: helix-agent-gsettings [--passwd FILE] USER read|effective|reset|write SCHEMA KEY " \
	"[BASE64]\n"
#define OWN_BUS     "--own-bus" /* first argument: the user is set up already, and has a bus */
#define BUS_ADDRESS "DBUS_SESSION_BUS_ADDRESS"
#define BUS_PROGRAM "/usr/bin/dbus-run-session"
#define PATH        "/usr/local/bin:/usr/bin:/bin"
/* Longer than helix-applyd waits (setting/user-store.c), which may not be allowed to kill it. */
#define READ_S      10
#define CHANGE_S    22

enum { EXIT_USAGE = 2 };

struct request {
	const char *passwd; /* NULL: the machine's */
	const char *user, *what, *schema, *key, *code;
};

static bool says(const char *how, const char *text)
{
	printf("%s%s%s\n", how, text ? " " : "", text ?: "");
	return false;
}

/* --- becoming the user --- */

static const struct passwd *find_user(const struct request *request)
{
	FILE *file = request->passwd ? fopen(request->passwd, "re") : NULL;
	const struct passwd *entry;

	if (!request->passwd)
		return getpwnam(request->user);
	while (file && (entry = fgetpwent(file)))
		if (!strcmp(entry->pw_name, request->user))
			break;
	if (!file)
		return NULL;
	fclose(file);
	return entry;
}

static bool drop_root(const struct passwd *user)
{
	if (geteuid() != 0)
		return geteuid() == user->pw_uid || says("failed", "it runs as somebody else");
	if (user->pw_uid == 0)
		return says("unsupported", "root is no user of a desktop");
	if (initgroups(user->pw_name, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
		setuid(user->pw_uid) < 0 || setuid(0) == 0)
		return says("failed", "cannot become the user");
	return true;
}

static bool is_mine(const char *path, mode_t type)
{
	struct stat status;

	return lstat(path, &status) == 0 && (status.st_mode & S_IFMT) == type &&
	       status.st_uid == geteuid();
}

static bool enter_home(const struct passwd *user, bool changes)
{
	g_autofree char *runtime = g_strdup_printf("/run/user/%u", user->pw_uid);
	g_autofree char *bus = g_build_filename(runtime, "bus", NULL);
	g_autofree char *address = g_strdup_printf("unix:path=%s", bus);

	if (clearenv() != 0 || !is_mine(user->pw_dir, S_IFDIR) || chdir(user->pw_dir) < 0)
		return says("unsupported", "the user has no home here");
	setenv("HOME", user->pw_dir, 1);
	setenv("USER", user->pw_name, 1);
	setenv("LOGNAME", user->pw_name, 1);
	setenv("PATH", PATH, 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	/* dconf has a file of flags there, which it makes even to read: nowhere, then. */
	if (is_mine(runtime, S_IFDIR))
		setenv("XDG_RUNTIME_DIR", runtime, 1);
	else if (!changes)
		setenv("XDG_CACHE_HOME", "/dev/null", 1);
	if (is_mine(bus, S_IFSOCK))
		setenv(BUS_ADDRESS, address, 1);
	return true;
}

/* Of who is not logged in: a bus for this one change. Returns when it cannot. */
static bool run_with_bus(const struct request *request)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	const char *const argv[] = { BUS_PROGRAM, "--", self, OWN_BUS, request->user, request->what,
		request->schema, request->key, request->code, NULL };

	execv(BUS_PROGRAM, (char *const *)argv);
	return says("unsupported", "the user is not logged in, and there is no " BUS_PROGRAM);
}

/* --- the key --- */

static GSettings *open_schema(const struct request *request, GSettingsSchema *schema)
{
	GSettingsBackend *backend = g_settings_backend_get_default();
	const char *kind = G_OBJECT_TYPE_NAME(backend);
	GSettings *settings = NULL;

	/* Without dconf GLib keeps settings in memory, where nobody sees them. */
	if (!strcmp(kind, "GMemorySettingsBackend"))
		says("unsupported", "settings of users are not kept (dconf-gsettings-backend)");
	else if (!g_settings_schema_get_path(schema) ||
		 !g_settings_schema_has_key(schema, request->key))
		says("unsupported", "the schema has no such key");
	else
		settings = g_settings_new_full(schema, backend, NULL);
	g_object_unref(backend);
	return settings;
}

static bool print_value(GVariant *value)
{
	g_autofree char *text = value ? g_variant_print(value, TRUE) : NULL;

	printf(value ? "value %s\n" : "unset\n", text);
	return true;
}

static bool read_key(GSettings *settings, const struct request *request)
{
	g_autoptr(GVariant) own = g_settings_get_user_value(settings, request->key);
	g_autoptr(GVariant) seen = g_settings_get_value(settings, request->key);

	return print_value(own && !strcmp(request->what, "effective") ? seen : own);
}

static GVariant *parse_value(GSettingsSchemaKey *key, const char *code)
{
	gsize size = 0;
	g_autofree guchar *bytes = g_base64_decode(code, &size);
	g_autofree char *text = g_strndup((const char *)bytes, size);
	GVariant *value =
		g_variant_parse(g_settings_schema_key_get_value_type(key), text, NULL, NULL, NULL);

	if (value && g_settings_schema_key_range_check(key, value))
		return value;
	if (value)
		g_variant_unref(value);
	return NULL;
}

static bool write_key(GSettings *settings, GSettingsSchemaKey *key, const struct request *request)
{
	g_autoptr(GVariant) value = request->code ? parse_value(key, request->code) : NULL;

	if (!value)
		return says("unsupported", "no value that this key can have");
	if (!g_settings_is_writable(settings, request->key))
		return says("unsupported", "locked by the administrator");
	if (!g_settings_set_value(settings, request->key, value))
		return says("failed", "GSettings did not take it");
	g_settings_sync();
	return print_value(value);
}

static bool reset_key(GSettings *settings, const struct request *request)
{
	g_settings_reset(settings, request->key);
	g_settings_sync();
	return print_value(NULL);
}

static bool work(const struct request *request)
{
	GSettingsSchemaSource *source = g_settings_schema_source_get_default();
	g_autoptr(GSettingsSchema) schema =
		source ? g_settings_schema_source_lookup(source, request->schema, TRUE) : NULL;
	g_autoptr(GSettingsSchemaKey) key = NULL;
	g_autoptr(GSettings) settings = NULL;

	if (!schema)
		return says("unsupported", "there is no such schema");
	settings = open_schema(request, schema);
	if (!settings)
		return false;
	key = g_settings_schema_get_key(schema, request->key);
	if (!strcmp(request->what, "write"))
		return write_key(settings, key, request);
	if (!strcmp(request->what, "reset"))
		return reset_key(settings, request);
	return read_key(settings, request);
}

static bool changes(const struct request *request)
{
	return !strcmp(request->what, "write") || !strcmp(request->what, "reset");
}

static bool become_user(const struct request *request)
{
	const struct passwd *user = find_user(request);

	if (!user)
		return says("unsupported", "there is no such user");
	return drop_root(user) && enter_home(user, changes(request));
}

static bool parse_request(char **arguments, struct request *ret)
{
	static const char *const all[] = { "read", "effective", "reset", "write", NULL };
	struct request request = { 0 };

	if (arguments[0] && arguments[1] && !strcmp(arguments[0], "--passwd")) {
		request.passwd = arguments[1];
		arguments += 2;
	}
	if (g_strv_length(arguments) < 4 || !g_strv_contains(all, arguments[1]))
		return false;
	request.user = arguments[0];
	request.what = arguments[1];
	request.schema = arguments[2];
	request.key = arguments[3];
	request.code = arguments[4];
	*ret = request;
	return !request.code == (strcmp(request.what, "write") != 0);
}

int main(int argc, char **argv)
{
	bool ready = argc > 1 && !strcmp(argv[1], OWN_BUS) && geteuid() != 0;
	struct request request;

	if (argc < 2 || !parse_request(argv + 1 + ready, &request)) {
		fputs(USAGE, stderr);
		return EXIT_USAGE;
	}
	if (!ready) {
		alarm(changes(&request) ? CHANGE_S : READ_S);
		if (!become_user(&request))
			return EXIT_SUCCESS;
		ready = getenv(BUS_ADDRESS) || !changes(&request) || run_with_bus(&request);
	}
	if (ready)
		work(&request);
	return EXIT_SUCCESS;
}
