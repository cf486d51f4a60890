/*
 * html_assets.h: the style sheet and the script of the HTML report, from style.css and script.js here, built into the
 * command.
 */
#ifndef SOCKSAN_HTML_ASSETS_H
#define SOCKSAN_HTML_ASSETS_H

/* Terminated; neither can end the element that it stands in. */
extern const char html_style[];
extern const char html_script[];

/* Their SHA-256 as a Content-Security-Policy names them: "sha256-...", of the very bytes. */
extern const char html_style_hash[];
extern const char html_script_hash[];

#endif
