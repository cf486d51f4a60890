/*
 * relay.c: see relay.h.
 *
 * The bug: an end of the input is always taken for a half-close, to which one may still write. poll() has said more,
 * that the peer hung up altogether, and nobody looked. fixed/relay.c has the mended twin.
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
	return !relay->ended[0] || !relay->ended[1];
}
