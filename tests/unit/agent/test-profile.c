/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "profile.h"

#include "sandbox.h"
#include "setting/guard.h"
#include "setting/variables.h"
#include "suite.h"

#include <glib/gstdio.h>

static struct sandbox sandbox;

static void setup(void)
{
	sandbox_init(&sandbox);
}

static void teardown(void)
{
	sandbox_finish(&sandbox);
}

static struct profile *load(const char *const *dirs, const char *name)
{
	struct profile *profile;
	GError *error = NULL;

	ck_assert_msg(profile_load(dirs, name, &profile, &error), "%s: %s", name,
		error ? error->message : "");
	return profile;
}

static void check_setting(const struct setting *setting, const char *profile)
{
	g_auto(GStrv) guards = g_strsplit(setting->guard ?: "", ";", -1);

	ck_assert_msg(setting->reason != NULL, "%s: %s has no reason", profile, setting->target);
	for (char **name = guards; *name; name++) {
		const struct guard *guard = guard_table;

		while (guard->name && strcmp(guard->name, *name) != 0)
			guard++;
		ck_assert_msg(guard->name != NULL, "%s: no guard %s", profile, *name);
	}
}

/* Units that are denied would be passed over on every machine. */
static void check_denied(const struct setting *setting, const char *profile)
{
	g_autofree char *reason = NULL;

	if (setting->kind->check(&sandbox.env, setting, &reason))
		return;
	ck_assert_msg(!strstr(reason, "never touches") && !strstr(reason, "no name of") &&
			      !strstr(reason, "can be") && !strstr(reason, "agent's own"),
		"%s: %s: %s", profile, setting->target, reason);
}

START_TEST(what_is_shipped_can_be_applied)
{
	static const char *const dirs[] = { PROFILES, NULL };
	g_auto(GStrv) names = profile_list(dirs);

	ck_assert_uint_eq(g_strv_length(names), 4);
	for (char **name = names; *name; name++) {
		struct profile *profile = load(dirs, *name);

		ck_assert_ptr_nonnull(profile->summary);
		ck_assert_ptr_nonnull(profile->checkpoint);
		for (unsigned i = 0; i < profile->settings->len; i++) {
			check_setting(profile->settings->pdata[i], *name);
			check_denied(profile->settings->pdata[i], *name);
		}
		profile_free(profile);
	}
}
END_TEST

static void put(const char *path, const char *text)
{
	sandbox_put(&sandbox, path, text);
}

START_TEST(the_first_folder_wins_and_a_profile_over_what_it_includes)
{
	g_autofree char *mine = env_path(&sandbox.env, "/mine"),
			*yours = env_path(&sandbox.env, "/yours");
	const char *const dirs[] = { mine, yours, NULL };
	struct profile *profile;
	const struct setting *setting;

	put("/yours/base.conf", "[main]\nsummary=theirs\n[sysctl]\na.b=1\nc.d=2\n");
	put("/yours/top.conf", "[main]\nsummary=top\ninclude=base\n[sysctl]\nc.d=>3\n");
	profile = load(dirs, "top");
	ck_assert_str_eq(profile->summary, "top");
	ck_assert_uint_eq(profile->settings->len, 2);
	setting = profile->settings->pdata[1];
	ck_assert_str_eq(setting->desired, "3");
	ck_assert_int_eq(setting->modifier, '>');
	profile_free(profile);

	put("/mine/base.conf", "[main]\nsummary=mine\n[sysctl]\nx.y=1\n");
	profile = load(dirs, "base");
	ck_assert_str_eq(profile->summary, "mine");
	ck_assert_uint_eq(profile->settings->len, 1);
	profile_free(profile);
}
END_TEST

START_TEST(nonsense_is_refused_with_its_place)
{
	static const char *const texts[] = {
		"[nonsense]\na=b\n",
		"[sysctl:]\nvalue=1\n",
		"[sysctl:a.b]\n",
		"[sysctl:a.b]\nvalue=1\nabsent=true\n",
		"[sysctl:a.b]\nvalue=1\nrisk=terrible\n",
		"[sysctl:a.b]\nvalue=1\nmode=0644\n",
		"[sysctl:a.b]\nvalue=1\nrsik=high\n",
		"[cmdline]\nrisk=none\nthreadirqs=\n",
		"[main]\ninclude=other\n",
	};

	for (unsigned i = 0; i < N_ELEMENTS(texts); i++) {
		struct profile *profile;
		GError *error = NULL;

		poison(&profile);
		ck_assert_msg(!profile_parse(texts[i], "place", &profile, &error), "%s", texts[i]);
		ck_assert_ptr_nonnull(strstr(error->message, "place"));
		assert_poisoned(&profile);
		g_clear_error(&error);
	}
}
END_TEST

START_TEST(a_profile_that_includes_itself_or_leaves_its_folder_is_refused)
{
	g_autofree char *dir = env_path(&sandbox.env, "/profiles");
	const char *const dirs[] = { dir, NULL };
	static const char *const names[] = { "self", "../profiles/self", "", ".hidden", "gone" };
	struct profile *profile;

	put("/profiles/self.conf", "[main]\ninclude=self\n");
	put("/profiles/.hidden.conf", "[main]\n");
	for (unsigned i = 0; i < N_ELEMENTS(names); i++)
		ck_assert_msg(!profile_load(dirs, names[i], &profile, NULL), "%s", names[i]);
}
END_TEST

START_TEST(a_profile_that_is_too_much_is_refused_before_it_is_read)
{
	g_autofree char *dir = env_path(&sandbox.env, "/profiles");
	const char *const dirs[] = { dir, NULL };
	static const char *const names[] = { "wide-0", "long", "many" };
	g_autofree char *comment = g_strnfill(ENV_FILE_MAX + 1, '#');
	g_autoptr(GString) many = g_string_new("[sysctl]\n");
	struct profile *profile;

	/* 8 to the power of 8 times the last one. */
	for (unsigned i = 0; i < PROFILE_INCLUDE_MAX; i++) {
		g_autofree char *path = g_strdup_printf("/profiles/wide-%u.conf", i);
		g_autofree char *text = g_strdup_printf("[main]\ninclude=wide-%u;wide-%u;wide-%u;"
							"wide-%u;wide-%u;wide-%u;wide-%u;wide-%u\n",
			i + 1, i + 1, i + 1, i + 1, i + 1, i + 1, i + 1, i + 1);

		put(path, text);
	}
	put("/profiles/wide-8.conf", "[sysctl]\nvm.swappiness=1\n");
	put("/profiles/long.conf", comment);
	for (unsigned i = 0; i <= PROFILE_SETTINGS_MAX; i++)
		g_string_append_printf(many, "a.%u=1\n", i);
	put("/profiles/many.conf", many->str);
	for (unsigned i = 0; i < N_ELEMENTS(names); i++)
		ck_assert_msg(!profile_load(dirs, names[i], &profile, NULL), "%s", names[i]);
	g_string_truncate(many, many->len - strlen("a.1000=1\n"));
	put("/profiles/many.conf", many->str);
	ck_assert(profile_load(dirs, "many", &profile, NULL));
	ck_assert_uint_eq(profile->settings->len, PROFILE_SETTINGS_MAX);
	profile_free(profile);
}
END_TEST

START_TEST(variables_are_what_the_machine_has)
{
	static const struct {
		const char *text, *wanted;
	} rows[] = {
		{ "plain", "plain" },
		{ "${isolated}", "2-3" },
		{ "a${housekeeping}b${housekeeping_mask}", "a0-1b3" },
		{ "${isolate} ${keep}", "1-3 0" },
		{ "${own}", "mine" },
		{ "${nobody}", NULL },
		{ "${open", "${open" },
	};
	g_autoptr(GHashTable) own = g_hash_table_new(g_str_hash, g_str_equal);

	g_hash_table_insert(own, (void *)"own", (void *)"mine");
	for (unsigned i = 0; i < N_ELEMENTS(rows); i++) {
		g_autofree char *is = NULL;

		ck_assert(variables_expand(&sandbox.env, own, rows[i].text, &is, NULL) ==
			  (rows[i].wanted != NULL));
		if (rows[i].wanted)
			ck_assert_str_eq(is, rows[i].wanted);
	}
	put("/sys/devices/system/cpu/isolated", "\n");
	put("/sys/devices/system/cpu/possible", "0\n");
	ck_assert(
		!variables_expand(&sandbox.env, NULL, "${housekeeping}", &(char *){ NULL }, NULL));
	ck_assert(!variables_expand(&sandbox.env, NULL, "${isolate}", &(char *){ NULL }, NULL));
}
END_TEST

START_TEST(guards_hold_when_their_thing_is_there)
{
	static const struct {
		const char *guard, *path, *text;
	} rows[] = {
		{ "printers", "/etc/cups/printers.conf", "<Printer x>\n" },
		{ "bluetooth", "/sys/class/bluetooth/hci0", "" },
		{ "wireless", "/sys/class/net/w/wireless/x", "" },
		{ "modem", "/dev/cdc-wdm0", "" },
		{ "thunderbolt", "/sys/bus/thunderbolt/devices/0-0", "" },
		{ "firmware", "/sys/firmware/efi/esrt/entries/entry0", "" },
		{ "sensors", "/sys/class/hwmon/hwmon0", "" },
		{ "discard", "/sys/block/vda/queue/discard_max_bytes", "4096\n" },
		{ "snaps", "/var/lib/snapd/snaps/a.snap", "" },
		{ "desktop", "/usr/share/wayland-sessions/gnome.desktop", "" },
		{ "mdns", "/etc/nsswitch.conf", "hosts: files mdns4_minimal dns\n" },
		{ "network-mounts", "/etc/fstab", "# nfs\nh:/x /x nfs4 rw 0 0\n" },
		{ "mapped-disks", "/sys/block/dm-0", "" },
	};

	put("/etc/fstab", "# nfs\n/dev/vda1 / ext4 rw 0 0\n");
	for (unsigned i = 0; i < N_ELEMENTS(rows); i++) {
		g_autofree char *reason = NULL, *none = NULL;

		ck_assert_msg(
			!guard_holds(&sandbox.env, rows[i].guard, &none), "%s", rows[i].guard);
		put(rows[i].path, rows[i].text);
		ck_assert_msg(
			guard_holds(&sandbox.env, rows[i].guard, &reason), "%s", rows[i].guard);
		ck_assert_ptr_nonnull(reason);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_shipped_can_be_applied,
		the_first_folder_wins_and_a_profile_over_what_it_includes,
		nonsense_is_refused_with_its_place,
		a_profile_that_includes_itself_or_leaves_its_folder_is_refused,
		a_profile_that_is_too_much_is_refused_before_it_is_read,
		variables_are_what_the_machine_has,
		guards_hold_when_their_thing_is_there,
		NULL,
	};

	return suite_run_with("agent-profile", tests, setup, teardown);
}
