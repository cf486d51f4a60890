/*
 * audit_judge.h: a write is judged before its call. Any thread, a signal handler, a forked child.
 */
#ifndef SOCKSAN_AUDIT_JUDGE_H
#define SOCKSAN_AUDIT_JUDGE_H

struct audit_write;

/* What is known of the connection without asking, as write->facts. */
void audit_collect_facts(struct audit_write *write);

/*
 * The same for a stream, with what the kernel answers; sets write->verdict, and announces the incident where there is
 * one. Where the number means another socket by now that one is judged; write->socket is NULL if it is none.
 */
void audit_judge_before(struct audit_write *write);

/* The connection that was being made stands, as has come out now. */
void audit_found_connected(struct audit_write *write);

#endif
