/*
 * module_map.h: which loaded object each address of a stack lies in, written to the trace once per object.
 *
 * dl_iterate_phdr is asked only when a stack holds an address that no known object covers, or something was unloaded.
 */
#ifndef SOCKSAN_MODULE_MAP_H
#define SOCKSAN_MODULE_MAP_H

/* Makes sure that the trace names the objects that these addresses lie in. Call with the thread marked as inside. */
void module_map_cover(void *const *addresses, int count);

/* An object was unloaded: its range may belong to another one. */
void module_map_unloaded(void);

/* In a forked child: its trace names nothing yet. */
void module_map_forked(void);

#endif
