/*
 * forked.h: a forked child begins without what was its parent's: its threads, what they held and had under way, its
 * trace.
 */
#ifndef SOCKSAN_FORKED_H
#define SOCKSAN_FORKED_H

/* Each module forgets its part. In the child alone, before it does anything else (process_forked). */
void forked_forget_parent(void);

#endif
