/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The input is what a driver does to a gpu device, and what happens to the device in between; a
 * client of its publisher reads along. Whatever the driver does: answers are answers, limits are
 * kept, and what the client knows is consistent: runs lie in the memory it was given, and scanouts,
 * cursors and flushes name only resources that it was told of with their pages.
 *
 * An operation is a byte, see operate(). A command is the number of its type and a count, then that
 * many le32 fields of it, each as one byte or a few, see get_field().
 */

#include "fuzz-target.h"
#include "resource/publisher.h"
#include "virtio/gpu-engine.h"

#include <errno.h>
#include <hxfr/wire.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE       4096u
#define TABLES     3u
#define FIELDS_MAX 64u
#define GUARD      0xa5

struct known {
	uint32_t id;
	uint32_t n_runs, n_here;
	uint64_t size;
};

static struct guest_memory tables[TABLES];

static struct gpu_engine engine;
static struct publisher *publisher;
static struct loop *loop;
static int client;

/* What the client knows. */
static uint64_t region_sizes[RESOURCE_REGIONS_MAX];
static uint32_t n_regions;
static struct known known[GPU_RESOURCES_MAX];
static unsigned n_known;
static uint32_t shown[RESOURCE_SCANOUTS_MAX], cursors[RESOURCE_SCANOUTS_MAX];

static void map(struct guest_memory *memory, uint64_t addr, uint64_t size, uint64_t fd_offset)
{
	const struct guest_region region = {
		.guest_addr = addr,
		.size = size,
		.user_addr = addr,
		.fd_offset = fd_offset,
	};
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	PROMISE(fd >= 0 && ftruncate(fd, (off_t)(fd_offset + size)) == 0);
	PROMISE(guest_memory_add(memory, &region, fd) == 0);
}

static void make_tables(void)
{
	map(&tables[0], 0, 256 * PAGE, 0);
	map(&tables[0], 512 * PAGE, 16 * PAGE, 4 * PAGE);
	map(&tables[0], 528 * PAGE, 16 * PAGE, 0);
	map(&tables[1], 8 * PAGE, 64 * PAGE, 512);
	map(&tables[1], 512 * PAGE, 8 * PAGE, 0);
	map(&tables[1], UINT64_MAX - 8 * PAGE + 1, 8 * PAGE - 1, 0);
}

static void snapshot(void *self, unsigned to)
{
	gpu_engine_snapshot(&engine, to);
}

static void show(void *self, unsigned to)
{
	gpu_engine_show(&engine, to);
}

static void drain(void *self)
{
}

static struct known *find_known(uint32_t id)
{
	for (unsigned i = 0; i < n_known; i++) {
		if (known[i].id == id)
			return &known[i];
	}
	return NULL;
}

static void check_shown(uint32_t id)
{
	const struct known *k = find_known(id);

	PROMISE(id == 0 || (k && k->n_runs > 0 && k->n_here == k->n_runs));
}

static void hear_add(const struct resource_packet *p)
{
	struct known *k = find_known(p->add.id);

	if (p->add.first_run == 0) {
		PROMISE(!k && n_known < sizeof known / sizeof known[0]);
		k = &known[n_known++];
		*k = (struct known){ p->add.id, p->add.n_runs, 0, 0 };
	}
	PROMISE(k && k->n_runs == p->add.n_runs && k->n_here == p->add.first_run);
	k->n_here += p->add.n_here;
	for (uint32_t i = 0; i < p->add.n_here; i++) {
		const struct resource_run *run = &p->add.runs[i];

		PROMISE(run->region < n_regions);
		PROMISE(run->offset + run->size <= region_sizes[run->region]);
		k->size += run->size;
	}
}

/* A resource whose pages are somewhere is told of with all of them. */
static void check_known(void)
{
	for (unsigned i = 0; i < n_known; i++) {
		const struct gpu_resource *resource =
			gpu_resources_find(&engine.resources, known[i].id);

		PROMISE(resource && resource->n_located == known[i].n_here);
		PROMISE(known[i].size ==
			(resource->located ? gpu_backing_pages_size(&resource->backing) : 0));
	}
}

static void hear_memory(const struct resource_packet *p, const struct guest_memory *memory)
{
	n_known = 0;
	memset(shown, 0, sizeof shown);
	memset(cursors, 0, sizeof cursors);
	n_regions = p->memory.n_regions;
	PROMISE(n_regions == memory->n_regions);
	for (uint32_t i = 0; i < n_regions; i++)
		region_sizes[i] = memory->regions[i].fd_offset + memory->regions[i].size;
}

static void hear_removal(uint32_t id)
{
	struct known *k = find_known(id);

	PROMISE(k);
	*k = known[--n_known];
	for (unsigned i = 0; i < RESOURCE_SCANOUTS_MAX; i++)
		PROMISE(shown[i] != id && cursors[i] != id);
}

static void hear_packet(const struct resource_packet *p)
{
	switch (p->type) {
	case RESOURCE_MEMORY:
		hear_memory(p, engine.memory);
		break;
	case RESOURCE_ADD:
		hear_add(p);
		break;
	case RESOURCE_REMOVE:
		hear_removal(p->remove.id);
		break;
	case RESOURCE_SCANOUT:
		check_shown(p->scanout.id);
		shown[p->scanout.scanout] = p->scanout.id;
		break;
	case RESOURCE_CURSOR:
		check_shown(p->cursor.id);
		cursors[p->cursor.scanout] = p->cursor.id;
		break;
	case RESOURCE_FLUSH:
		check_shown(p->flush.id);
		break;
	default:
		PROMISE(!"nobody asked");
	}
}

/* Descriptors are thrown away: there is no room for them. */
static void hear(void)
{
	static struct resource_packet packet;
	uint8_t bytes[RESOURCE_PACKET_MAX];
	ssize_t n;

	do {
		while ((n = recv(client, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
			PROMISE(resource_packet_decode(bytes, (size_t)n, &packet) == 0);
			hear_packet(&packet);
		}
		PROMISE(n < 0 && errno == EAGAIN);
	} while (loop_run_once(loop, 0) > 0);
	check_known();
}

static uint32_t get_field(struct hxfr_reader *r)
{
	static const uint32_t values[] = { UINT32_MAX, PAGE, 16384, 16385, PAGE * 256, PAGE * 512,
		0x80000000, PAGE - 1 };
	uint8_t first = hxfr_reader_u8(r);

	if (first < 0xe0)
		return first;
	if (first < 0xe0 + sizeof values / sizeof values[0])
		return values[first - 0xe0];
	if (first < 0xf8)
		return hxfr_reader_u8(r) * PAGE;
	return hxfr_reader_u32(r);
}

static size_t get_command(struct hxfr_reader *r, uint8_t *ret)
{
	static const uint16_t types[] = { GPU_GET_DISPLAY_INFO, GPU_RESOURCE_CREATE_2D,
		GPU_RESOURCE_UNREF, GPU_SET_SCANOUT, GPU_RESOURCE_FLUSH, GPU_TRANSFER_TO_HOST_2D,
		GPU_RESOURCE_ATTACH_BACKING, GPU_RESOURCE_DETACH_BACKING, GPU_GET_CAPSET_INFO,
		GPU_GET_EDID, GPU_UPDATE_CURSOR, GPU_MOVE_CURSOR, 0x0207 };
	uint8_t type = hxfr_reader_u8(r), n_fields = hxfr_reader_u8(r) % FIELDS_MAX;
	struct hxfr_writer w;

	hxfr_writer_init(&w, ret, GPU_HEADER_SIZE + FIELDS_MAX * 4);
	hxfr_writer_u32(&w, types[type % (sizeof types / sizeof types[0])]);
	hxfr_writer_u32(&w, type >> 4);
	hxfr_writer_i64(&w, type);
	hxfr_writer_zero(&w, 8);
	for (unsigned i = 0; i < n_fields; i++)
		hxfr_writer_u32(&w, get_field(r));
	return w.pos;
}

static void check_answer(const uint8_t *answer, size_t size)
{
	struct gpu_header header;

	if (size == 0)
		return;
	PROMISE(gpu_header_decode(answer, size, &header) == 0);
	PROMISE(size == (header.type == GPU_OK_DISPLAY_INFO  ? GPU_DISPLAY_INFO_SIZE
				: header.type == GPU_OK_EDID ? GPU_EDID_SIZE
							     : GPU_HEADER_SIZE));
	PROMISE(header.type >= GPU_OK_NODATA && header.type <= GPU_ERR_INVALID_PARAMETER);
}

static void execute(struct hxfr_reader *r, enum gpu_queue queue, size_t cut, size_t room)
{
	struct ring_chain chain = { .n_out = 2, .n_in = 1, .in_size = room };
	uint8_t bytes[GPU_HEADER_SIZE + FIELDS_MAX * 4], answer[GPU_RESPONSE_MAX + 1], *exact;
	size_t size = get_command(r, bytes), n;

	size -= cut < size ? cut : size;
	exact = malloc(size + !size); /* so that ASan sees a read behind it */
	PROMISE(exact);
	memcpy(exact, bytes, size);
	memset(answer, GUARD, sizeof answer);
	chain.out_size = size;
	chain.out = chain.iov;
	chain.in = chain.iov + 2;
	chain.iov[0] = (struct iovec){ exact, size / 3 };
	chain.iov[1] = (struct iovec){ exact + size / 3, size - size / 3 };
	chain.iov[2] = (struct iovec){ answer, room };
	n = gpu_engine_execute(&engine, queue, &chain);
	PROMISE(n <= room && answer[room] == GUARD);
	check_answer(answer, n);
	free(exact);
}

static void operate(struct hxfr_reader *r)
{
	uint8_t op = hxfr_reader_u8(r);

	switch (op >> 4) {
	case 0:
		gpu_engine_reset(&engine);
		break;
	case 1:
		engine.memory = &tables[op % TABLES];
		gpu_engine_memory_changed(&engine);
		break;
	case 2:
		gpu_engine_snapshot(&engine, 0);
		break;
	case 3: /* truncated */
		execute(r, GPU_CONTROL_QUEUE, op & 15, GPU_RESPONSE_MAX);
		break;
	case 4: /* with little room for the answer */
		execute(r, GPU_CONTROL_QUEUE, 0, (op & 15) * 30u);
		break;
	case 5:
	case 6:
		execute(r, GPU_CURSOR_QUEUE, 0, 0);
		break;
	default:
		execute(r, GPU_CONTROL_QUEUE, 0, GPU_RESPONSE_MAX);
		break;
	}
}

static void check_limits(void)
{
	const struct gpu_resource *resource = NULL;
	uint64_t size = 0, n_runs = 0;
	unsigned n = 0;

	while ((resource = gpu_resources_next(&engine.resources, resource))) {
		size += gpu_backing_pages_size(&resource->backing);
		n_runs += resource->backing.n_runs;
		n++;
	}
	PROMISE(n == engine.resources.n && n <= GPU_RESOURCES_MAX);
	PROMISE(size == engine.resources.backing_size && size <= GPU_BACKING_MAX);
	PROMISE(n_runs == engine.resources.n_runs && n_runs <= GPU_RUNS_MAX);
}

/* Once for all inputs. */
static void begin(void)
{
	static const struct publisher_impl impl = {
		.snapshot = snapshot, .show = show, .drain = drain
	};
	int fds[2];

	if (loop)
		return;
	make_tables();
	PROMISE(loop_new(&loop) == 0);
	PROMISE(publisher_new(&impl, NULL, loop, NULL, &publisher) == 0);
	engine.memory = &tables[0];
	engine.publisher = publisher;
	PROMISE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	client = fds[0];
	PROMISE(publisher_attach(publisher, fds[1]) == 0);
	hear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct edid_mode mode = { 640, 480, 60 };
	struct hxfr_reader r;

	begin();
	PROMISE(gpu_engine_init(&engine, 2, &mode, NULL) == 0);
	engine.publisher = publisher;
	engine.memory = &tables[0];
	gpu_engine_reset(&engine);
	hear();
	hxfr_reader_init(&r, data, size);
	while (hxfr_reader_left(&r) > 0 && !r.failed) {
		operate(&r);
		hear();
	}
	check_limits();
	gpu_engine_reset(&engine);
	check_limits();
	PROMISE(engine.resources.n == 0);
	hear();
	PROMISE(n_known == 0);
	gpu_engine_finish(&engine);
	return 0;
}
