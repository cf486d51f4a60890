/*
 * payload.h: what a write was given, in whichever form: one buffer, a vector, a message, several messages.
 *
 * The pointers are the program's. They may be bad: the kernel answers EFAULT, and we must not crash where it would not.
 * So they are read either through the kernel (payload_read_*), or after a call that the kernel accepted
 * (payload_length).
 */
#ifndef SOCKSAN_PAYLOAD_H
#define SOCKSAN_PAYLOAD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum payload_form { PAYLOAD_NONE, PAYLOAD_BUFFER, PAYLOAD_VECTOR, PAYLOAD_MESSAGE, PAYLOAD_MESSAGES };

struct payload {
	enum payload_form form;
	const void *data;
	size_t length; /* bytes, or elements of the vector, or messages */
};

static inline struct payload payload_none(size_t length)
{
	return (struct payload){PAYLOAD_NONE, NULL, length};
}

static inline struct payload payload_buffer(const void *data, size_t length)
{
	return (struct payload){PAYLOAD_BUFFER, data, length};
}

static inline struct payload payload_vector(const struct iovec *vector, int count)
{
	return (struct payload){PAYLOAD_VECTOR, vector, count > 0 ? (size_t)count : 0};
}

static inline struct payload payload_message(const struct msghdr *message)
{
	return (struct payload){PAYLOAD_MESSAGE, message, 1};
}

static inline struct payload payload_messages(const struct mmsghdr *messages, unsigned count)
{
	return (struct payload){PAYLOAD_MESSAGES, messages, count};
}

/* The bytes offered. Reads the program's memory by way of the kernel: 0 where that cannot be read, never a fault. */
size_t payload_length(const struct payload *payload);

/* Copies the first bytes, at most `size`. Returns how many. The same care. */
size_t payload_first_bytes(const struct payload *payload, void *bytes, size_t size);

/* Copies the control data of a message, at most `size` bytes. Returns how many, 0 where it has none. The same care. */
size_t payload_control(const struct msghdr *message, void *control, size_t size);

#endif
