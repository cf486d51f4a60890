/*
 * message.h: one incident in a few lines of plain text, for services that show a message beside the code.
 *
 * A message is escaped, so that nothing in it can pass for anything else; its lines end with a newline but for the
 * last.
 */
#ifndef SOCKSAN_MESSAGE_H
#define SOCKSAN_MESSAGE_H

#include "analyzer/report/render.h"
#include "analyzer/symbols/source.h"

/*
 * Title, what became of the bytes, what was observed, the place and its caller, and how often it happened in `group`
 * (NULL: not said). The caller frees it.
 */
char *message_make(const struct view *view, const struct group *group, const struct sources *sources);

/*
 * Where a reader should begin: at the write or, where no stack was taken of that, at what told the program or opened
 * the connection. NULL where nothing is known of any.
 */
const struct frame *message_place(const struct view *view);

/*
 * "reply (src/server.c:42)", "reply (in libserver.so)" or "server+0x1234", as it is: not escaped. The caller frees it.
 */
char *message_frame(const struct frame *frame, const struct sources *sources);

#endif
