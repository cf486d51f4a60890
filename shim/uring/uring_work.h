/*
 * uring_work.h: what one operation of io_uring is to the audit, from its submission to its completion. It goes the way
 * that the call of the same name goes; what a completion tells, the program is told when it takes it from the queue.
 */
#ifndef SOCKSAN_URING_WORK_H
#define SOCKSAN_URING_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include "shim/trace_format.h"

struct io_uring_sqe;
struct uring_news;
struct uring_work;
struct socket_hold;

/*
 * Before the submission. `waits`: it begins when another operation is over, not at once. `work` is cleared, and lies on
 * the stack; it may be moved afterwards. Returns false where it is one that the audit cannot follow: a registered file,
 * an unknown operation, a wait on an epoll set.
 */
bool uring_work_begin(struct uring_work *work, const struct io_uring_sqe *sqe, bool waits);

/* Binds it to a socket that is held, until it is over; the connection lasts as long (`in_flight`). */
void uring_work_hold(struct uring_work *work, const struct socket_hold *hold);

/* Keeps a socket that is held until it is over, no more. */
void uring_work_keep(struct uring_work *work, const struct socket_hold *hold);

/*
 * A completion of it: `result` is bytes or minus errno. `heard`: the program has taken it from the queue. Returns
 * whether it tells the program something that it has not heard yet, which `news` then holds.
 */
bool uring_work_answer(struct uring_work *work, int result, bool heard, struct uring_news *news);

/* Of an operation whose first result was a part only: more bytes. */
void uring_work_more(struct uring_work *work, int result);

/* The call that submitted it returns and it is not over. `stack`: of that call, 0 where nobody took it. */
void uring_work_leave(struct uring_work *work, trace_ref stack);

/* It is over, or its result will not be seen. */
void uring_work_end(struct uring_work *work);
void uring_work_unknown(struct uring_work *work);

/* It was not made after all. */
void uring_work_cancel(struct uring_work *work);

/* The program has taken the completion: what the news hold is let go. */
void uring_work_heard(struct uring_news *news);

#endif
