/*
 * html_assets.c: see html_assets.h. The build gives the hashes, which it takes of the same files.
 */
#include "analyzer/format/html/html_assets.h"

#ifndef HTML_STYLE_HASH
#error "HTML_STYLE_HASH and HTML_SCRIPT_HASH come from the Makefile"
#endif

/* The assembler can include a file as it is; C cannot before C23. */
#define EMBED(name, file)                                                                                              \
	__asm__(".pushsection .rodata, \"a\"\n"                                                                        \
		".global " #name "\n"                                                                                  \
		".type " #name ", @object\n" #name ":\n"                                                               \
		".incbin \"" file "\"\n"                                                                               \
		".byte 0\n"                                                                                            \
		".size " #name ", . - " #name "\n"                                                                     \
		".popsection\n")

EMBED(html_style, "analyzer/format/html/style.css");
EMBED(html_script, "analyzer/format/html/script.js");

const char html_style_hash[] = HTML_STYLE_HASH;
const char html_script_hash[] = HTML_SCRIPT_HASH;
