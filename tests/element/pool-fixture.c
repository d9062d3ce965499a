/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pool-fixture.h"

struct pool_offer pool_ask(struct fixture *f, const char *text)
{
	g_autoptr(GstCaps) caps = gst_caps_from_string(text);
	GstQuery *query = gst_query_new_allocation(caps, TRUE);
	struct pool_offer offer = { 0 };

	fail_unless(gst_pad_peer_query(f->h->srcpad, query));
	fail_unless_equals_int(gst_query_get_n_allocation_pools(query), 1);
	gst_query_parse_nth_allocation_pool(
		query, 0, &offer.pool, &offer.size, &offer.min, &offer.max);
	fail_unless(gst_query_find_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL));
	gst_query_unref(query);
	return offer;
}

GstBufferPool *pool_take(
	struct fixture *f, const char *text, gboolean with_meta, guint size, guint max)
{
	g_autoptr(GstCaps) caps = gst_caps_from_string(text);
	struct pool_offer offer = pool_ask(f, text);
	GstStructure *config;

	fail_unless(offer.pool != NULL, "no pool for %s", text);
	config = gst_buffer_pool_get_config(offer.pool);
	gst_buffer_pool_config_set_params(
		config, caps, size ? size : offer.size, MIN(offer.min, max ? max : offer.min), max);
	if (with_meta)
		gst_buffer_pool_config_add_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
	else
		while (gst_buffer_pool_config_n_options(config) > 0)
			gst_structure_remove_field(config, "options");
	if (!gst_buffer_pool_set_config(offer.pool, config)) {
		config = gst_buffer_pool_get_config(offer.pool);
		fail_unless(gst_buffer_pool_set_config(offer.pool, config));
	}
	fail_unless(gst_buffer_pool_set_active(offer.pool, TRUE));
	return offer.pool;
}

void pool_give_back(GstBufferPool *pool)
{
	gst_buffer_pool_set_active(pool, FALSE);
	gst_object_unref(pool);
}

GstBuffer *pool_draw(GstBufferPool *pool, guint i)
{
	GstBuffer *buffer = NULL;
	GstMapInfo map;

	fail_unless_equals_int(gst_buffer_pool_acquire_buffer(pool, &buffer, NULL), GST_FLOW_OK);
	fail_unless(gst_buffer_map(buffer, &map, GST_MAP_WRITE));
	for (gsize k = 0; k < map.size; k++)
		map.data[k] = frame_pattern(i, k);
	gst_buffer_unmap(buffer, &map);
	GST_BUFFER_PTS(buffer) = i * FIXTURE_INTERVAL;
	GST_BUFFER_DURATION(buffer) = FIXTURE_INTERVAL;
	return buffer;
}
