/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "privilege.h"

#include <cap-ng.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <grp.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* After <sys/socket.h>: it needs struct sockaddr. */
#include <linux/vm_sockets.h>

static const struct passwd *to_become(const char *user)
{
	return geteuid() == 0 && *user ? getpwnam(user) : NULL;
}

uid_t privilege_uid_of(const char *user)
{
	const struct passwd *entry = to_become(user);

	return entry ? entry->pw_uid : geteuid();
}

bool privilege_find_group(const char *name, gid_t *ret)
{
	const struct group *group = *name ? getgrnam(name) : NULL;

	if (group)
		*ret = group->gr_gid;
	return group != NULL;
}

bool privilege_drop(const char *user, GError **error)
{
	const struct passwd *entry = to_become(user);
	int r;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!entry)
		return true;
	capng_clear(CAPNG_SELECT_BOTH);
	r = capng_change_id(
		(int)entry->pw_uid, (int)entry->pw_gid, CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	if (r < 0)
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
			"cannot become %s: libcap-ng says %d", user, r);
	return r >= 0;
}

uint32_t privilege_own_cid(void)
{
	int fd = open("/dev/vsock", O_RDONLY | O_CLOEXEC);
	unsigned cid = VMADDR_CID_ANY;

	if (fd < 0)
		return VMADDR_CID_ANY;
	if (ioctl(fd, IOCTL_VM_SOCKETS_GET_LOCAL_CID, &cid) < 0)
		cid = VMADDR_CID_ANY;
	close(fd);
	return cid;
}
