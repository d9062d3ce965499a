/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "endpoint-internal.h"

#include "realtime.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define NS_PER_MS 1000000

static int watch(int epoll_fd, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int open_fds(struct endpoint *endpoint)
{
	endpoint->door_wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	endpoint->process_wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	endpoint->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (endpoint->door_wake_fd < 0 || endpoint->process_wake_fd < 0 || endpoint->epoll_fd < 0 ||
		watch(endpoint->epoll_fd, endpoint->door_wake_fd) < 0 ||
		watch(endpoint->epoll_fd, door_fd(endpoint->door)) < 0)
		return -errno;
	return 0;
}

int endpoint_new(const struct endpoint_config *config, struct endpoint **ret)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int r;

	if (!endpoint)
		return -ENOMEM;
	endpoint->config = *config;
	endpoint->door_wake_fd = endpoint->process_wake_fd = endpoint->epoll_fd = -1;
	pthread_mutex_init(&endpoint->lock, NULL);
	histogram_init(&endpoint->wakeup);
	r = door_open(&config->door, &endpoint->door);
	if (r == 0)
		r = open_fds(endpoint);
	if (r < 0) {
		endpoint_destroy(endpoint);
		return r;
	}
	*ret = endpoint;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void endpoint_destroy(struct endpoint *endpoint)
{
	if (!endpoint)
		return;
	door_close(endpoint->door);
	close_fd(endpoint->epoll_fd);
	close_fd(endpoint->door_wake_fd);
	close_fd(endpoint->process_wake_fd);
	pthread_mutex_destroy(&endpoint->lock);
	free(endpoint);
}

uint16_t endpoint_port(const struct endpoint *endpoint)
{
	return door_port(endpoint->door);
}

void endpoint_stop(struct endpoint *endpoint)
{
	atomic_store(&endpoint->stop, true);
	eventfd_write(endpoint->door_wake_fd, 1);
	eventfd_write(endpoint->process_wake_fd, 1);
}

/* One block: an array of rows, and what they point to. */
static float **new_channels(int32_t n, uint32_t period)
{
	float **channels = calloc((size_t)n + 1, sizeof(*channels));
	float *samples = calloc((size_t)n * period + 1, sizeof(*samples));

	if (!channels || !samples) {
		free(channels);
		free(samples);
		return NULL;
	}
	/* There is one row also when there is no channel, so that there is something to free. */
	channels[0] = samples;
	for (int32_t i = 1; i < n; i++)
		channels[i] = samples + (size_t)i * period;
	return channels;
}

static void free_channels(float **channels)
{
	if (channels)
		free(channels[0]);
	free(channels);
}

static struct seat *find_seat(struct endpoint *endpoint, enum seat_state state)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		if (atomic_load_explicit(&endpoint->seats[i].state, memory_order_acquire) == state)
			return &endpoint->seats[i];
	}
	return NULL;
}

static int fill_seat(struct endpoint *endpoint, struct seat *seat, struct slave *slave)
{
	const struct netjack_session *session = slave_session(slave);
	int r;

	seat->channels = new_channels(session->send_audio, session->period);
	if (!seat->channels)
		return -ENOMEM;
	r = endpoint->config.audio->open(endpoint->config.user, session, &seat->audio);
	if (r < 0) {
		free_channels(seat->channels);
		return r;
	}
	seat->slave = slave;
	seat->n_sent = 0;
	seat->pending = false;
	atomic_store_explicit(&seat->leave, false, memory_order_relaxed);
	return 0;
}

/* It comes again in a second, and is refused for the same reason: that is said once. */
static void say_refused(struct endpoint *endpoint, const char *name, int r)
{
	if (strcmp(endpoint->refused, name) == 0)
		return;
	snprintf(endpoint->refused, sizeof endpoint->refused, "%s", name);
	log_write(endpoint->config.door.log, LOG_LEVEL_ERROR, "slave '%s' cannot be served: %s",
		name, strerror(-r));
}

static void arrived(struct endpoint *endpoint, struct slave *slave, uint32_t id)
{
	struct seat *seat = find_seat(endpoint, SEAT_FREE);
	int r = seat ? fill_seat(endpoint, seat, slave) : -EBUSY;

	if (r < 0) {
		say_refused(endpoint, slave_session(slave)->name, r);
		slave_goodbye(slave);
		slave_destroy(slave);
		door_forget(endpoint->door, id);
		return;
	}
	seat->id = id;
	pthread_mutex_lock(&endpoint->lock);
	seat->connected = true;
	slave_report(slave, &seat->report);
	endpoint->report.connects++;
	if (endpoint->gone_ns > 0)
		endpoint->report.reconnect_ns = endpoint_now_ns() - endpoint->gone_ns;
	endpoint->gone_ns = 0;
	pthread_mutex_unlock(&endpoint->lock);
	atomic_store_explicit(&seat->state, SEAT_NEW, memory_order_release);
	eventfd_write(endpoint->process_wake_fd, 1);
}

static void gone(struct endpoint *endpoint, uint32_t id)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct seat *seat = &endpoint->seats[i];

		if (seat->id == id)
			atomic_store_explicit(&seat->leave, true, memory_order_relaxed);
	}
}

static void say_gone(const struct endpoint *endpoint, const struct seat *seat)
{
	const char *name = slave_session(seat->slave)->name;
	const struct log_sink *log = endpoint->config.door.log;

	if (seat->end == SEAT_REFUSED)
		log_write(log, LOG_LEVEL_WARNING, "slave '%s' is gone: its port is closed", name);
	else if (seat->end == SEAT_SILENT)
		log_write(log, LOG_LEVEL_WARNING, "slave '%s' is gone: silent for %d ms", name,
			ENDPOINT_SILENT_MS);
	else if (seat->end == SEAT_KILLED)
		log_write(log, LOG_LEVEL_INFO, "slave '%s' says goodbye", name);
}

static void clear_seat(struct endpoint *endpoint, struct seat *seat)
{
	struct slave_report report;

	say_gone(endpoint, seat);
	slave_report(seat->slave, &report);
	if (atomic_load(&endpoint->stop))
		slave_goodbye(seat->slave);
	endpoint->config.audio->close(seat->audio);
	door_forget(endpoint->door, seat->id);
	pthread_mutex_lock(&endpoint->lock);
	seat->connected = false;
	memmove(&endpoint->left[1], &endpoint->left[0], sizeof endpoint->left - sizeof report);
	endpoint->left[0] = report;
	if (endpoint->report.n_left < DOOR_SLAVES_MAX)
		endpoint->report.n_left++;
	endpoint->gone_ns = endpoint_now_ns();
	pthread_mutex_unlock(&endpoint->lock);
	slave_destroy(seat->slave);
	free_channels(seat->channels);
	seat->slave = NULL;
	seat->id = 0;
	atomic_store_explicit(&seat->state, SEAT_FREE, memory_order_relaxed);
}

static void clear_seats(struct endpoint *endpoint)
{
	struct seat *seat;

	while ((seat = find_seat(endpoint, SEAT_DONE)))
		clear_seat(endpoint, seat);
}

static bool is_somebody_leaving(struct endpoint *endpoint)
{
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		struct seat *seat = &endpoint->seats[i];

		if (atomic_load_explicit(&seat->leave, memory_order_relaxed) &&
			atomic_load_explicit(&seat->state, memory_order_acquire) != SEAT_FREE)
			return true;
	}
	return false;
}

/* Whoever comes waits for those that go: it may be the same one, for what it had. */
static void serve_door(struct endpoint *endpoint)
{
	struct door_event event;

	while (!is_somebody_leaving(endpoint)) {
		door_dispatch(endpoint->door, endpoint_now_ns(), &event);
		if (event.type == DOOR_NOTHING)
			break;
		if (event.type == DOOR_ARRIVED)
			arrived(endpoint, event.slave, event.id);
		else
			gone(endpoint, event.id);
	}
	pthread_mutex_lock(&endpoint->lock);
	endpoint->report.door = *door_counters(endpoint->door);
	pthread_mutex_unlock(&endpoint->lock);
}

static int timeout_ms(const struct endpoint *endpoint)
{
	int64_t next_ns = door_next_ns(endpoint->door), rest_ms;

	if (next_ns == INT64_MAX)
		return -1;
	rest_ms = (next_ns - endpoint_now_ns()) / NS_PER_MS + 1;
	return rest_ms < 0 ? 0 : rest_ms > INT_MAX ? INT_MAX : (int)rest_ms;
}

static int wait_at_door(struct endpoint *endpoint)
{
	struct pollfd wake = { .fd = endpoint->door_wake_fd, .events = POLLIN };
	struct epoll_event events[2];
	eventfd_t n;

	/* The door would be readable all the time. */
	if (is_somebody_leaving(endpoint))
		poll(&wake, 1, -1);
	else if (epoll_wait(endpoint->epoll_fd, events, 2, timeout_ms(endpoint)) < 0 &&
		 errno != EINTR)
		return -errno;
	eventfd_read(endpoint->door_wake_fd, &n);
	return 0;
}

int endpoint_run(struct endpoint *endpoint, uint64_t n_ticks)
{
	const struct endpoint_config *config = &endpoint->config;
	int r;

	endpoint->n_ticks_max = n_ticks;
	endpoint->ticker = (struct ticker){
		.start_ns = endpoint_now_ns(),
		.rate = config->door.rate,
		.period = config->door.period,
		.skew = config->skew_ppm * 1e-6,
	};
	if (config->rt_priority > 0) {
		bool locked = realtime_lock(config->door.log);

		pthread_mutex_lock(&endpoint->lock);
		endpoint->report.locked = locked;
		pthread_mutex_unlock(&endpoint->lock);
	}
	r = pthread_create(&endpoint->thread, NULL, endpoint_process, endpoint);
	if (r != 0)
		return -r;
	r = 0;
	while (r == 0 && !atomic_load(&endpoint->stop)) {
		serve_door(endpoint);
		clear_seats(endpoint);
		r = wait_at_door(endpoint);
	}
	endpoint_stop(endpoint);
	pthread_join(endpoint->thread, NULL);
	clear_seats(endpoint);
	endpoint_publish(endpoint, true);
	return r;
}

void endpoint_report(struct endpoint *endpoint, struct endpoint_report *ret)
{
	unsigned n = 0;

	pthread_mutex_lock(&endpoint->lock);
	*ret = endpoint->report;
	for (unsigned i = 0; i < DOOR_SLAVES_MAX; i++) {
		if (endpoint->seats[i].connected)
			ret->slaves[n++] = endpoint->seats[i].report;
	}
	ret->n_slaves = n;
	if (ret->n_left > DOOR_SLAVES_MAX - n)
		ret->n_left = DOOR_SLAVES_MAX - n;
	for (unsigned i = 0; i < ret->n_left; i++)
		ret->slaves[n + i] = endpoint->left[i];
	pthread_mutex_unlock(&endpoint->lock);
}
