/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "realtime.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

bool realtime_schedule(int priority, const struct log_sink *log)
{
	struct sched_param param = { .sched_priority = priority };
	int r = pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);

	if (r != 0)
		log_write(log, LOG_LEVEL_WARNING,
			"no real-time scheduling (SCHED_FIFO %d: %s): the machine's other work will be heard. "
			"Allow it: 'ulimit -r %d', or '@audio - rtprio 95' in /etc/security/limits.d, or "
			"LimitRTPRIO=95 in the systemd unit",
			priority, strerror(r), priority);
	return r == 0;
}

static bool may_lock(void)
{
	struct rlimit limit;

	/* Root has no limit, whatever it says. */
	return geteuid() == 0 ||
	       (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur >= REALTIME_MEMORY_MIN);
}

bool realtime_lock(const struct log_sink *log)
{
	bool locked;

	errno = ENOMEM;
	locked = may_lock() && mlockall(MCL_CURRENT | MCL_FUTURE) == 0;
	if (!locked)
		log_write(log, LOG_LEVEL_WARNING,
			"memory is not locked (%m): paging may be heard. Allow it: 'ulimit -l unlimited', or "
			"'@audio - memlock unlimited' in /etc/security/limits.d, or LimitMEMLOCK=infinity in "
			"the systemd unit");
	return locked;
}
