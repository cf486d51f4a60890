/* payload.c: reads what the program handed over, by way of the kernel (kernel_copy). */
#include "shim/socket/payload.h"

#include "shim/base/kernel.h"

#define ELEMENTS 4u /* copied at a time: little stack */
#define FIRST_ELEMENTS 16u /* looked at for the first bytes */
#define ELEMENTS_MAX 1024u /* UIO_MAXIOV */

static size_t vector_length(const struct iovec *vector, size_t count)
{
	struct iovec part[ELEMENTS] = {{NULL, 0}};
	size_t sum = 0;

	if (count > ELEMENTS_MAX)
		count = ELEMENTS_MAX;
	for (size_t done = 0; done < count;) {
		size_t now = count - done < ELEMENTS ? count - done : ELEMENTS;

		if (!kernel_copy(part, vector + done, now * sizeof(*part)))
			return 0;
		for (size_t i = 0; i < now; i++)
			sum += part[i].iov_len;
		done += now;
	}
	return sum;
}

static size_t message_length(const struct msghdr *message)
{
	struct msghdr header;

	return kernel_copy(&header, message, sizeof(header)) ? vector_length(header.msg_iov, header.msg_iovlen) : 0;
}

size_t payload_length(const struct payload *payload)
{
	size_t sum = 0;

	switch (payload->form) {
	case PAYLOAD_NONE:
	case PAYLOAD_BUFFER: return payload->length;
	case PAYLOAD_VECTOR: return vector_length(payload->data, payload->length);
	case PAYLOAD_MESSAGE: return message_length(payload->data);
	case PAYLOAD_MESSAGES: /* in numbers, since the pointer may point nowhere; the header comes first in each */
		for (size_t i = 0; i < payload->length && i < ELEMENTS_MAX; i++)
			sum += message_length(
				(const struct msghdr *)((uintptr_t)payload->data + i * sizeof(struct mmsghdr)));
		return sum;
	}
	return 0;
}

static size_t vector_first_bytes(const struct iovec *vector, size_t count, char *bytes, size_t size)
{
	size_t done = 0;

	for (size_t i = 0; i < count && i < FIRST_ELEMENTS && done < size; i++) {
		struct iovec part;
		size_t now;

		if (!kernel_copy(&part, vector + i, sizeof(part)))
			break;
		now = part.iov_len < size - done ? part.iov_len : size - done;
		if (now && !kernel_copy(bytes + done, part.iov_base, now))
			break;
		done += now;
	}
	return done;
}

size_t payload_first_bytes(const struct payload *payload, void *bytes, size_t size)
{
	struct iovec whole = {(void *)(uintptr_t)payload->data, payload->length};
	struct msghdr header;

	switch (payload->form) {
	case PAYLOAD_NONE: return 0;
	case PAYLOAD_BUFFER: {
		size_t now = whole.iov_len < size ? whole.iov_len : size;

		return now && kernel_copy(bytes, whole.iov_base, now) ? now : 0;
	}
	case PAYLOAD_VECTOR: return vector_first_bytes(payload->data, payload->length, bytes, size);
	case PAYLOAD_MESSAGE:
	case PAYLOAD_MESSAGES:
		if (!payload->length || !kernel_copy(&header, payload->data, sizeof(header)))
			return 0;
		return vector_first_bytes(header.msg_iov, header.msg_iovlen, bytes, size);
	}
	return 0;
}

size_t payload_control(const struct msghdr *message, void *control, size_t size)
{
	struct msghdr header;
	size_t length;

	if (!kernel_copy(&header, message, sizeof(header)) || !header.msg_control)
		return 0;
	length = header.msg_controllen < size ? header.msg_controllen : size;
	return length && kernel_copy(control, header.msg_control, length) ? length : 0;
}
