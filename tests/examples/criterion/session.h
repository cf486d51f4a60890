/*
 * session.h: a connection that is kept alive while there is nothing to say.
 */
#ifndef SESSION_H
#define SESSION_H

struct session {
	int fd; /* -1: over */
	unsigned heard; /* bytes that came in */
};

/* To be called now and then: takes what has come in, and sends a sign of life. */
void session_tick(struct session *session);

void session_close(struct session *session);

#endif
