/* test_relay.c: one side hangs up while the other goes on talking. Nothing here sees the bug in relay.c. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay.h"

int main(void)
{
	int left[2];
	int right[2];
	char bytes[16] = "";
	struct relay relay;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, left) || socketpair(AF_UNIX, SOCK_STREAM, 0, right))
		return 99; /* what a test harness calls a hard error */
	relay = (struct relay){.fds = {left[1], right[1]}};

	if (write(left[0], "hello", 5) != 5 || !relay_step(&relay) || read(right[0], bytes, sizeof(bytes)) != 5 ||
		strcmp(bytes, "hello") != 0) {
		fputs("what comes from the left does not reach the right\n", stderr);
		return 1;
	}
	close(left[0]);
	if (relay_step(&relay) && write(right[0], "late", 4) == 4)
		while (relay_step(&relay))
			shutdown(right[0], SHUT_WR);
	puts("the relay has ended");
	return 0;
}
