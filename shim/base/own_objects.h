/*
 * own_objects.h: the objects that are loaded for our sake: this library, and what the unwinder brings. Their pages are
 * ours (pages.h).
 *
 * Of each the first page stays in core dumps, as it does for all objects: a debugger finds the build-id there.
 */
#ifndef SOCKSAN_OWN_OBJECTS_H
#define SOCKSAN_OWN_OBJECTS_H

struct link_map;

/* This library itself. Once in the life of an image. */
void own_objects_adopt_library(void);

/* The object that was loaded last, or NULL: before the loader is asked for one of ours. */
const struct link_map *own_objects_last(void);

/*
 * Takes those that were loaded after `last` for ours. One that another thread loads at the same time is taken for ours,
 * too: it would be left out of core dumps.
 */
void own_objects_adopt_after(const struct link_map *last);

#endif
