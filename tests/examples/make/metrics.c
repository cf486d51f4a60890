/*
 * metrics.c: see metrics.h.
 *
 * The bug: metrics_flush() says that no acknowledgement came, and forgets why. When the collector has hung up, the next
 * measurement is written to a connection of which read() has said that it is over. fixed/metrics.c has the mended twin.
 */
#include "metrics.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

bool metrics_connect(struct metrics *metrics, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	metrics->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (metrics->fd < 0)
		return false;
	if (!connect(metrics->fd, (struct sockaddr *)&address, sizeof(address)))
		return true;
	metrics_close(metrics);
	return false;
}

void metrics_push(struct metrics *metrics, const char *name, long value)
{
	char line[128];
	int length = snprintf(line, sizeof(line), "%s %ld\n", name, value);

	if (metrics->fd < 0 || length < 0 || length >= (int)sizeof(line))
		return;
	(void)!send(metrics->fd, line, (size_t)length, MSG_NOSIGNAL);
}

bool metrics_flush(struct metrics *metrics)
{
	char answer[3];
	ssize_t length = recv(metrics->fd, answer, sizeof(answer), MSG_WAITALL);

	return length == sizeof(answer) && !memcmp(answer, "ok\n", sizeof(answer));
}

void metrics_close(struct metrics *metrics)
{
	if (metrics->fd >= 0)
		close(metrics->fd);
	metrics->fd = -1;
}
