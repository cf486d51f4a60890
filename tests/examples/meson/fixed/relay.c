/*
 * relay.c: see relay.h.
 *
 * An end of the input can be a half-close, to which one may still write. Where poll() says that the peer hung up
 * altogether, nothing goes there any more.
 */
#include "relay.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static void pass_on(struct relay *relay, int from)
{
	char bytes[4096];
	ssize_t length = read(relay->fds[from], bytes, sizeof(bytes));

	if (length > 0)
		length = send(relay->fds[!from], bytes, (size_t)length, MSG_NOSIGNAL);
	if (length <= 0)
		relay->ended[from] = true;
}

bool relay_step(struct relay *relay)
{
	struct pollfd polled[2];

	for (int i = 0; i < 2; i++)
		polled[i] = (struct pollfd){.fd = relay->ended[i] ? -1 : relay->fds[i], .events = POLLIN};
	if (poll(polled, 2, -1) <= 0)
		return false;
	for (int i = 0; i < 2; i++)
		if (polled[i].revents)
			pass_on(relay, i);
	/* Nobody is there to take what still comes from the other side. */
	if ((polled[0].revents | polled[1].revents) & POLLHUP)
		return false;
	return !relay->ended[0] || !relay->ended[1];
}
