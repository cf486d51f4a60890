/*
 * session.c: see session.h.
 *
 * The bug: recv() returns 0 at the end of the connection, and here that is the same as nothing to read. The sign of
 * life goes to a peer that is gone. fixed/session.c has the mended twin.
 */
#include "session.h"

#include <sys/socket.h>
#include <unistd.h>

static void take(struct session *session)
{
	char bytes[256];
	ssize_t length;

	while ((length = recv(session->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		session->heard += (unsigned)length;
}

void session_tick(struct session *session)
{
	if (session->fd >= 0)
		take(session);
	if (session->fd >= 0)
		(void)!send(session->fd, "\n", 1, MSG_NOSIGNAL);
}

void session_close(struct session *session)
{
	if (session->fd >= 0)
		close(session->fd);
	session->fd = -1;
}
