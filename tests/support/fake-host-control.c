/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fake-host-internal.h"

#include <sys/eventfd.h>

static void unlock_and_wake(struct fake_host *host)
{
	g_mutex_unlock(&host->lock);
	eventfd_write(host->wake_fd, 1);
}

const char *fake_host_endpoint(struct fake_host *host)
{
	return host->endpoint;
}

unsigned fake_host_count(struct fake_host *host, enum fake_host_counter counter)
{
	g_mutex_lock(&host->lock);
	unsigned n = host->counters[counter];
	g_mutex_unlock(&host->lock);
	return n;
}

bool fake_host_wait(struct fake_host *host, enum fake_host_counter counter, unsigned n)
{
	gint64 deadline = g_get_monotonic_time() + FAKE_HOST_DEADLINE_MS * G_TIME_SPAN_MILLISECOND;
	bool reached;

	g_mutex_lock(&host->lock);
	while (host->counters[counter] < n)
		if (!g_cond_wait_until(&host->changed, &host->lock, deadline))
			break;
	reached = host->counters[counter] >= n;
	g_mutex_unlock(&host->lock);
	return reached;
}

struct fake_host_request fake_host_request(struct fake_host *host, unsigned i)
{
	struct fake_host_request r;

	g_mutex_lock(&host->lock);
	if (i >= host->requests->len)
		g_error("request %u of %u", i, host->requests->len);
	r = g_array_index(host->requests, struct fake_host_request, i);
	g_mutex_unlock(&host->lock);
	return r;
}

struct hxfr_config fake_host_config(struct fake_host *host, unsigned i)
{
	struct hxfr_config c;

	g_mutex_lock(&host->lock);
	if (i >= host->configs->len)
		g_error("config %u of %u", i, host->configs->len);
	c = g_array_index(host->configs, struct hxfr_config, i);
	g_mutex_unlock(&host->lock);
	return c;
}

void fake_host_hold(struct fake_host *host, bool hold)
{
	g_mutex_lock(&host->lock);
	host->held = hold;
	host->released = 0;
	unlock_and_wake(host);
}

void fake_host_answer(struct fake_host *host, unsigned n)
{
	g_mutex_lock(&host->lock);
	host->released += n;
	unlock_and_wake(host);
}

void fake_host_pause(struct fake_host *host, bool pause)
{
	g_mutex_lock(&host->lock);
	host->paused = pause;
	unlock_and_wake(host);
}

void fake_host_set_fault(struct fake_host *host, enum fake_host_fault fault, unsigned count)
{
	g_mutex_lock(&host->lock);
	host->options.fault = fault;
	host->options.fault_at = host->counters[FAKE_HOST_RESPONSES];
	host->fault_end = host->options.fault_at + count;
	host->broken = false;
	unlock_and_wake(host);
}

void fake_host_set_refuse(struct fake_host *host, bool refuse)
{
	g_mutex_lock(&host->lock);
	host->options.refuse = refuse;
	unlock_and_wake(host);
}

void fake_host_disconnect(struct fake_host *host)
{
	g_mutex_lock(&host->lock);
	for (unsigned i = 0; i < FAKE_HOST_CLIENTS_MAX; i++)
		fake_host_close_client(host, &host->clients[i]);
	unlock_and_wake(host);
}

void fake_host_send(struct fake_host *host, const void *data, size_t size)
{
	g_mutex_lock(&host->lock);
	for (unsigned i = 0; i < FAKE_HOST_CLIENTS_MAX; i++)
		fake_host_send_bytes(host, &host->clients[i], data, size);
	unlock_and_wake(host);
}
