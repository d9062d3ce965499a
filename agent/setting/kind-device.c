/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A request to the kernel that lasts as long as the file stays open: Documentation/power/
 * pm_qos_interface.rst. */
#include "durable.h"
#include "host.h"
#include "setting.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DMA_LATENCY "/dev/cpu_dma_latency" /* takes a 32-bit number, us */

struct held {
	int fd;
	char *value;
};

static void let_go(void *data)
{
	struct held *held = data;

	close(held->fd);
	g_free(held->value);
	g_free(held);
}

static bool check(const struct env *env, const struct setting *setting, char **ret_reason)
{
	gint64 value;

	if (!env->host)
		*ret_reason = g_strdup("only helix-applyd holds devices");
	else if (strcmp(setting->target, DMA_LATENCY) != 0)
		*ret_reason = g_strdup("only " DMA_LATENCY " is held");
	else if (!setting->desired ||
		 !g_ascii_string_to_signed(setting->desired, 10, 0, G_MAXINT32, &value, NULL))
		*ret_reason = g_strdup("needs a number of us");
	else if (!env_exists(env, setting->target))
		*ret_reason = g_strdup("there is no " DMA_LATENCY);
	else
		return true;
	return false;
}

static bool read_value(const struct env *env, const char *target, char **ret, GError **error)
{
	struct held *held = env->host && env->host->devices
				    ? g_hash_table_lookup(env->host->devices, target)
				    : NULL;

	*ret = held ? g_strdup(held->value) : NULL;
	return true;
}

/* The kernel follows the strictest request of all programs: what one reads there. */
static bool effective(const struct env *env, const char *target, char **ret, GError **error)
{
	g_autofree char *path = env_path(env, target), *asked = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int32_t is = 0;
	bool got = fd >= 0 && read(fd, &is, sizeof(is)) == (ssize_t)sizeof(is);

	if (fd >= 0)
		close(fd);
	read_value(env, target, &asked, NULL);
	if (got && asked && is > g_ascii_strtoll(asked, NULL, 10))
		*ret = g_strdup_printf("%d", is);
	else
		*ret = g_steal_pointer(&asked);
	return true;
}

static bool hold(const struct env *env, const char *target, const char *value, GError **error)
{
	g_autofree char *path = env_path(env, target);
	int32_t number = (int32_t)g_ascii_strtoll(value, NULL, 10);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct held *held;

	durable_step(env, "device");
	if (fd < 0 || write(fd, &number, sizeof(number)) != (ssize_t)sizeof(number)) {
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "%s: %s", target,
			g_strerror(errno));
		if (fd >= 0)
			close(fd);
		return false;
	}
	held = g_new(struct held, 1);
	*held = (struct held){ .fd = fd, .value = g_strdup(value) };
	g_hash_table_replace(env->host->devices, g_strdup(target), held);
	durable_step(env, "device-held");
	return true;
}

static bool write_value(
	const struct env *env, const char *target, const char *value, GError **error)
{
	if (!env->host) {
		g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
			"only helix-applyd holds devices");
		return false;
	}
	if (!env->host->devices)
		env->host->devices = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, let_go);
	if (value)
		return hold(env, target, value, error);
	durable_step(env, "device");
	g_hash_table_remove(env->host->devices, target);
	durable_step(env, "device-free");
	return true;
}

const struct setting_kind setting_kind_device = {
	.name = "device",
	.volatile_ = true,
	.undo = "exact, at once; by itself when helix-applyd ends",
	.check = check,
	.read = read_value,
	.write = write_value,
	.effective = effective,
};
