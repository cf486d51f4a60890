/*
 * symbol_files.h: where libdwfl finds the files that hold a module's symbols.
 *
 * libdwfl's own search opens what it finds under a name without looking at it first, and asks debuginfod for as long as
 * each server likes. Here the same places are looked at, with regular_file.h; and debuginfod has LIMIT_DEBUGINFOD for a
 * whole report.
 */
#ifndef SOCKSAN_SYMBOL_FILES_H
#define SOCKSAN_SYMBOL_FILES_H

#include <elfutils/libdwfl.h>

/* The callbacks that every Dwfl of ours has. */
extern const Dwfl_Callbacks symbol_files_callbacks;

#endif
