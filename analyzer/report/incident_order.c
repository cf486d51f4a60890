/*
 * incident_order.c: see incident_order.h.
 */
#include "analyzer/report/incident_order.h"

#include <stdlib.h>

#include "analyzer/base/text.h"

static int order_of(uint64_t left, uint64_t right)
{
	return (left > right) - (left < right);
}

static int compare(const void *left, const void *right, void *context)
{
	const struct incident *incidents = context;
	const struct incident *a = &incidents[*(const uint32_t *)left];
	const struct incident *b = &incidents[*(const uint32_t *)right];
	int order = order_of(a->trace, b->trace);

	if (!order)
		order = order_of(a->process, b->process);
	if (!order)
		order = order_of(a->socket, b->socket);
	if (!order)
		order = order_of(a->first_ns, b->first_ns);
	return order ? order : order_of(a->ref, b->ref);
}

uint32_t *incident_order(struct lifecycle *lifecycle, size_t *count)
{
	struct incident *incidents = lifecycle_incidents(lifecycle, count);
	uint32_t *order = text_allocate(*count * sizeof(*order));

	for (size_t i = 0; i < *count; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, *count, sizeof(*order), compare, incidents);
	return order;
}
