/*
 * incident_order.h: incidents as they happened. The list in a report is ordered by what matters most; who goes through
 * it trace by trace reads each file once.
 */
#ifndef SOCKSAN_INCIDENT_ORDER_H
#define SOCKSAN_INCIDENT_ORDER_H

#include "analyzer/trace/lifecycle.h"

/*
 * The indices of all incidents, ordered by trace, process, socket and time. *count says how many. The caller frees it.
 */
uint32_t *incident_order(struct lifecycle *lifecycle, size_t *count);

#endif
